"""Text of strangers in Markdown that somebody's browser will show."""


def without_tags(text: str) -> str:
    """``text`` in which no HTML tag begins: class names and prompts come from recipes and weights of anybody."""
    return text.replace("<", "&lt;")
