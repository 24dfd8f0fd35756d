import pytest

from schemas.budget import BudgetOptions, DeviceAccount, Spending, account_for

SPENT = Spending(devices=("cuda:0",), seconds=3600.0, frames=1000)


def test_seconds_of_an_accepted_frame_are_those_of_a_made_one_over_the_share_that_was_accepted():
    account = account_for(SPENT, None, frames=2000, accepted_frames=500)
    assert account.seconds_per_accepted_frame == pytest.approx(3.6 / 0.25)
    assert account.money is None and account.money_per_accepted_frame is None


def test_money_is_told_where_the_recipe_has_a_price():
    account = account_for(SPENT, BudgetOptions(price_per_device_hour=2.0), frames=1000, accepted_frames=800)
    assert account.money == pytest.approx(2.0)
    assert account.money_per_accepted_frame == pytest.approx(2.0 / 800)
    assert account.in_words == (
        "3,600 s on cuda:0; 4.5 s for each accepted frame; 2.00 at the recipe's price, 2.5 for a thousand accepted "
        "frames"
    )


@pytest.mark.parametrize(("made", "accepted"), [(0, 500), (1000, 0)])
def test_nothing_made_or_nothing_accepted_has_no_figure(made, accepted):
    spent = SPENT.model_copy(update={"frames": made})
    account = account_for(spent, BudgetOptions(price_per_device_hour=2.0), frames=1000, accepted_frames=accepted)
    assert account.seconds_per_accepted_frame is None and account.money_per_accepted_frame is None


def test_only_a_version_that_clips_were_left_out_of_is_partial():
    assert DeviceAccount(devices=("cpu",), seconds=1, frames=1).partial == ""
    assert "1,200 clips" in DeviceAccount(devices=("cpu",), seconds=1, frames=1, clips_left=1200).partial


@pytest.mark.parametrize("hours", [0, -1, float("inf")])
def test_a_budget_is_a_positive_number_of_hours(hours):
    with pytest.raises(ValueError, match="device_hours"):
        BudgetOptions(device_hours=hours)
