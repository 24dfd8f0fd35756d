"""Clips from video diffusion pipelines of Hugging Face diffusers."""
