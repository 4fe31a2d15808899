"""Statistics of posts: exact on small tables, unbiased under counting noise, and equal to what was published of the crawl."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from influence_sim.studies.platform import (
    Exposures,
    Posts,
    accrual,
    after_hit,
    between_share,
    describe,
    exposure_ratios,
    gini,
    lag_one,
    recent,
    selection_slopes,
    sponsored_effect,
    top_share,
    within_sd,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"


def table(accounts: int, posts: int, seed: int = 1, *, unit: float = 1.0, mean: float = 12.0, lag: float = 0.0) -> Posts:
    """Return posts whose log views are 1 per log follower, between accounts sd 1, within sd .8 with an AR(1) of `lag`."""
    rng = np.random.default_rng(seed)
    log_followers = rng.normal(mean, 1.5, accounts)
    level = log_followers - 1.5 + rng.normal(0, 1.0, accounts)
    noise = rng.normal(0, 0.8, (accounts, posts))
    for k in range(1, posts):
        noise[:, k] = lag * noise[:, k - 1] + np.sqrt(1 - lag**2) * noise[:, k]
    views = np.exp(level[:, None] + noise).ravel()
    if unit > 1:
        views = unit * rng.poisson(views / unit)
    n = accounts * posts
    account, age = np.repeat(np.arange(accounts), posts), np.tile(np.arange(posts, 0, -1.0) + 7, accounts)
    likes = 0.1 * views
    flag = np.zeros(n, bool)
    return Posts(account, age, views, likes, likes / 10, likes / 20, np.repeat(np.exp(log_followers), posts), flag, unit)


def test_sample_is_the_25_most_recent_posts_of_at_least_7_days() -> None:
    posts = table(2, 40)
    posts = posts._replace(age=np.tile(np.arange(40.0), 2), account=np.repeat([5, 2], 40))
    kept = recent(posts)
    assert kept.account.tolist() == [2] * 25 + [5] * 25
    assert kept.age.tolist() == list(range(7, 32)) * 2
    unseen = recent(posts._replace(views=np.where(posts.age == 9, 0, posts.views)))
    assert 9 not in unseen.age
    assert unseen.age.max() == 31  # a post nobody saw takes its place in the sample and is then left out


def test_known_dispersions_come_back() -> None:
    posts = table(1500, 25, lag=0.3)
    out = describe(recent(posts))
    assert out["views_slope"] == pytest.approx(1.0, abs=0.06)
    assert out["within_sd"] == pytest.approx(0.8 * np.sqrt(1 - 0.07), abs=0.02)  # centred on 25 correlated posts
    assert out["account_sd"] == pytest.approx(1.0, abs=0.07)
    assert out["between_share"] == pytest.approx((1.5**2 + 1) / (1.5**2 + 1 + 0.8**2), abs=0.03)
    assert 0.2 < out["lag_one"] < 0.3
    assert out["likes_on_views"] == pytest.approx(1.0)
    assert out["engagement_per_view_slope_timeline"] == pytest.approx(0.0, abs=1e-9)


def test_counting_noise_is_taken_out() -> None:
    """One counted view standing for 1,000 must not look like dispersion."""
    true, counted = table(800, 25, lag=0.3), table(800, 25, lag=0.3, unit=1000.0)
    many = np.bincount(counted.account, counted.views) > 25 * 20_000  # 20 counts a post
    true, counted = (recent(x.where(many[x.account])) for x in (true, counted))
    raw = within_sd(counted._replace(unit=0.0))
    assert abs(within_sd(counted) - within_sd(true)) < 0.4 * (raw - within_sd(true))
    assert lag_one(counted) == pytest.approx(lag_one(true), abs=0.02)
    assert between_share(counted) == pytest.approx(between_share(true), abs=0.02)


def test_lag_looks_back_in_time_whatever_the_order_of_rows() -> None:
    posts = table(400, 20, lag=0.6)
    shuffled = posts.where(np.random.default_rng(3).permutation(len(posts.age)))
    assert lag_one(shuffled) == pytest.approx(lag_one(posts), abs=1e-12)
    assert np.isnan(lag_one(posts, least=21))
    assert np.isnan(lag_one(posts._replace(unit=1e12)))  # nothing but counting noise


def test_sponsored_effect_compares_inside_accounts() -> None:
    posts = table(300, 20)
    rng = np.random.default_rng(5)
    tag = (rng.random(len(posts.age)) < 0.1) & (posts.account < 150)
    posts = posts._replace(sponsored=tag, views=np.where(tag, 0.7 * posts.views, posts.views))
    assert sponsored_effect(posts) == pytest.approx(np.log(0.7), abs=0.1)
    far = posts._replace(views=np.where(posts.account >= 150, 1e6 * posts.views, posts.views))
    assert sponsored_effect(far) == pytest.approx(sponsored_effect(posts), abs=1e-12)
    assert np.isnan(sponsored_effect(posts._replace(sponsored=np.zeros(len(tag), bool))))


def test_selection_on_success_bends_engagement_per_follower() -> None:
    slopes = selection_slopes(recent(table(600, 25, mean=10)))
    assert abs(slopes["engagement_per_follower_slope_timeline"]) < 0.08
    assert slopes["engagement_per_follower_slope_top_posts"] < -0.4
    assert slopes["engagement_per_follower_slope_top_list"] < -0.2
    assert abs(slopes["engagement_per_view_slope_top_posts"]) < 1e-9


def test_inequality_and_what_follows_a_hit() -> None:
    assert gini(np.array([0.0, 0, 0, 1])) == pytest.approx(0.75)
    assert gini(np.ones(5)) == pytest.approx(0.0)
    assert top_share(np.arange(1.0, 11), 0.1) == pytest.approx(10 / 55)
    posts = table(1, 12)._replace(views=np.array([1.0, 1, 1, 1, 20, 2, 2, 2, 1, 1, 1, 1]))
    assert after_hit(posts) == pytest.approx(2.0)
    assert np.isnan(after_hit(posts._replace(views=np.ones(12))))


def test_accrual_is_a_share_of_all_views() -> None:
    curves = np.array([[0.0, 4, 6, 8], [0, 8, 10, 12]])
    assert accrual(curves, (1.0, 1.5, 3.0)).tolist() == pytest.approx([0.6, 0.7, 1.0])


def test_ratios_count_a_post_once_and_only_posts_seen_both_ways() -> None:
    def side(post: list[int], like: list[int]) -> Exposures:
        p, flags = np.array(post), np.array(like, bool)
        return Exposures(p * 0, p, flags, flags, flags, flags)

    recommended = side([0] * 8 + [1] * 2 + [2], [1] * 4 + [0] * 4 + [1, 1] + [1])
    random = side([0] * 4 + [1] * 2 + [3], [1] + [0] * 3 + [1, 0] + [1])
    assert exposure_ratios(recommended, random)["like"] == pytest.approx((0.5 + 1) / (0.25 + 0.5))
    assert exposure_ratios(recommended, random, least=3)["like"] == pytest.approx(0.5 / 0.25)
    assert np.isnan(exposure_ratios(recommended, random, least=100)["like"])


@pytest.mark.skipif(not SHARED.exists(), reason="the crawl is not part of the repository")
def test_statistics_of_the_crawl_are_the_published_ones() -> None:
    with gzip.open(SHARED / "tiktok_profiles_2020" / "videos.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    names = ("acct", "age_d", "plays", "likes", "comments", "shares", "followers")
    columns = (np.array([float(row[name]) for row in rows]) for name in names)
    posts = Posts(*columns, np.array([row["sponsored_tag"] == "True" for row in rows]))
    sample = recent(posts)
    assert len(np.unique(sample.account)) == 1721
    out, published = describe(sample), json.loads((SHARED / "TARGETS_dev.json").read_text())
    within, ratio, spread = published["within_account"], published["ratio_pct"], published["views_dist"]
    tag = published["sponsored_tag_within_account_log_effect"]
    expected = {
        "views_slope": published["views_on_followers"]["slope"],
        "account_sd": published["views_on_followers"]["resid_sd_acct_median"],
        "within_sd": within["sd_log_views"],
        "lag_one": within["lag1_autocorr"],
        "between_share": within["icc_between"],
        "over_5_own_median": within["p_gt_5x_own_median"],
        "over_10_own_median": within["p_gt_10x"],
        "over_100_own_median": within["p_gt_100x"],
        "over_10_followers": published["p_views_gt_10f"]["all"],
        "median_like_per_view_pct": ratio["like_view"][1],
        "median_comment_per_view_pct": ratio["comment_view"][1],
        "median_share_per_view_pct": ratio["share_view"][1],
        "likes_on_views": published["elasticity_on_views"]["likes"],
        "comments_on_views": published["elasticity_on_views"]["comments"],
        "shares_on_views": published["elasticity_on_views"]["shares"],
        "views_gini": spread["gini"],
        "views_top_1pct": spread["top1"],
        "views_top_10pct": spread["top10"],
        "engagement_per_view_slope_timeline": published["er_view_on_followers_slope"],
        "engagement_per_follower_slope_timeline": published["er_follower_on_followers_slope"],
        "sponsored_views": tag["views"],
        "sponsored_likes": tag["likes"],
        "sponsored_comments": tag["comments"],
        "sponsored_shares": tag["shares"],
        **{f"own_gini_{q}": x for q, x in zip(("q25", "median", "q75"), within["gini"], strict=True)},
        **{f"best_of_25_{q}": x for q, x in zip(("q25", "median", "q75"), within["best_of_25_share"], strict=True)},
    }
    wrong = {name: (out[name], value) for name, value in expected.items() if abs(out[name] - value) > 1.1e-3 + 0.005 * abs(value)}
    assert not wrong
