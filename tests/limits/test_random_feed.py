"""A feed that draws uniformly gives every post a Poisson number of views, whoever made it and however good it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, norm

from influence_sim.record.discovery import gini
from influence_sim.scorecard.limit_worlds import ALPHA, LEVEL, PLAIN, built, crowd, distance, played, poisson_gini

POSTS, RUNS = 2000, 20  # a person sees 10 of 2,000 posts


@pytest.mark.parametrize("mean", [1, 5, 20])
@pytest.mark.parametrize("repeats", [False, True])
def test_views_are_poisson(mean: int, repeats: bool) -> None:
    settings = crowd(POSTS * mean // 10, 10, 4, POSTS // 4, {**LEVEL, "repeats": repeats}, PLAIN, "random")
    world = built(settings)
    ginis, total = [], 0.0
    for replication in range(RUNS):
        views = played(world, settings, replication).posts.impressions[:POSTS]
        assert views.sum() == 10 * world.size
        ginis.append(gini(views))
        total += float(((views - mean) ** 2).sum() / mean)
    print(f"mean {mean}, repeats {repeats}: Gini {np.mean(ginis):.4f}, expected {poisson_gini(mean, POSTS):.4f}")
    assert distance(ginis, poisson_gini(mean, POSTS)) <= 1
    freedom = RUNS * (POSTS - 1)
    assert chi2.isf(1 - ALPHA / 2, freedom) < total < chi2.isf(ALPHA / 2, freedom)


def test_the_formula_is_the_published_one() -> None:
    for mean, expected in ((1, 0.524), (5, 0.249), (20, 0.126), (50, 0.080)):
        assert poisson_gini(mean, 10**9) == pytest.approx(expected, abs=6e-4)


def test_quality_and_followers_do_not_matter() -> None:
    """Views go to posts of 200 creators who differ in ability and followers, and correlate with neither."""
    loved = {**PLAIN, "like_rate": 0.2, "like_slope": 1.24, "quality": 1}
    settings = crowd(2000, 20, 200, 5, {**LEVEL, "repeats": True}, loved, "random")
    values = settings.model_dump()
    values["creators"].update(ability_sd=1, post_sd=1)
    values["graph"].update(follows_per_person=8)
    settings = type(settings).model_validate(values)
    posts = played(built(settings), settings).posts[:1000]
    bound = norm.isf(ALPHA / 2) / np.sqrt(1000)
    assert np.corrcoef(posts.quality, posts.likes)[0, 1] > 0.5  # liking does depend on quality
    assert abs(np.corrcoef(posts.quality, posts.impressions)[0, 1]) < bound
    assert posts.audience.std() > 0
    assert abs(np.corrcoef(np.log1p(posts.audience), posts.impressions)[0, 1]) < bound
