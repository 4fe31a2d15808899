"""Every number of the model: default, unit, range, source and grade on one line.

The line validates files, fills the reference page and generates the test that moves each
parameter to both ends of its range.  Grades: A peer-reviewed or first-party, B industry
report, C vendor page, D derived from a graded number, `assumption` for what no source pins down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field
from pydantic.fields import FieldInfo

from influence_sim.scenario.declare import ASSUMPTION, Group, choice, par


class People(Group):
    """Who watches."""

    agents: int = par(2000, "agents", 1, 5_000_000, ASSUMPTION, ASSUMPTION, "Simulated people; each is one Mesa User")
    population: int = par(40_000, "people", 1, 1_000_000_000, ASSUMPTION, ASSUMPTION, "Real people the agents stand for; people per agent = population / agents")
    topics: int = par(10, "topics", 2, 64, ASSUMPTION, ASSUMPTION, "Dimensions of taste")
    interest_concentration: float = par(0.35, "1", 0.05, 5, ASSUMPTION, ASSUMPTION, "Dirichlet concentration of a person's tastes; small means few strong interests")
    communities: int = par(20, "communities", 1, 10_000, ASSUMPTION, ASSUMPTION, "Communities that ties prefer to stay inside")
    views_per_day: float = par(80, "views/person/day", 0, 400, "TikTok Germany 2019: 13.4 bn views a month by 5.5 M users", "B", "Mean feed slots a person watches in a day")
    views_sigma: float = par(0.8, "ln sd", 0, 1.5, "KuaiRec (Gao et al. 2022): quartiles of plays per active day give 1.0-1.1", "A", "Spread of views per day between people (lognormal)")
    minors_share: float = par(0.20, "share", 0, 1, "Market data differ by year and country", ASSUMPTION, "Share of people aged 13-17")
    persuasion_knowledge_adult: float = par(0.8, "0-1", 0, 1, "van Reijmersdal & van Dam 2020 (direction)", ASSUMPTION, "How far an adult recognises persuasion")
    persuasion_knowledge_minor: float = par(0.6, "0-1", 0, 1, "van Reijmersdal & van Dam 2020 (direction)", ASSUMPTION, "How far a 15-17 year old recognises persuasion")
    persuasion_knowledge_younger: float = par(0.2, "0-1", 0, 1, "van Reijmersdal & van Dam 2020 (direction)", ASSUMPTION, "How far a 13-14 year old recognises persuasion")
    younger_share: float = par(0.4, "share", 0, 1, "Two of the five years of age 13-17", ASSUMPTION, "Share of minors aged 13-14")
    sharing_sigma: float = par(0.8, "ln sd", 0, 2, ASSUMPTION, ASSUMPTION, "Spread of the propensity to share between people")
    price_sensitivity_sigma: float = par(0.3, "ln sd", 0, 1, ASSUMPTION, ASSUMPTION, "Spread of price sensitivity between people")
    newcomers: float = par(0.0, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of people (never creators) who join during the run, unknown to the platform and, in a generated graph, following nobody")
    arrival_days: int = par(14, "days", 1, 3650, ASSUMPTION, ASSUMPTION, "Newcomers join on one of these first days, each equally likely")


class Creators(Group):
    """Who posts."""

    count: int = par(100, "creators", 0, 1_000_000, ASSUMPTION, ASSUMPTION, "Modelled creators, a sample of the platform's supply")
    posts_per_day: float = par(0.6, "posts/creator/day", 0, 10, "Crawl of 1,721 TikTok accounts 2020: median 1.07 days between posts", "B", "Mean organic posts")
    posting_sigma: float = par(0.6, "ln sd", 0, 1.5, "Crawl of 1,721 TikTok accounts 2020: quartiles .59-2.13 days between posts", "B", "Spread of posting rates between creators")
    opening_posts: int = par(2, "posts/creator", 0, 1000, ASSUMPTION, ASSUMPTION, "Posts each creator has on the platform when day 0 begins")
    topic_concentration: float = par(0.15, "1", 0.03, 5, ASSUMPTION, ASSUMPTION, "Dirichlet concentration of a creator's topics; small means a narrow niche")
    post_topic_noise: float = par(0.15, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of a post's topics that is not its creator's")
    appeal_sigma: float = par(1.8, "ln sd", 0, 2.5, "ln followers sd 2.2-2.5 on the whole platform; a local market is narrower", "D", "Spread of appeal, which attracts followers")
    appeal_ability_correlation: float = par(0.0, "corr", 0, 1, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Correlation of appeal with the quality of posts")
    ability_sd: float = par(1.246, "unit of match", 0, 2, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Spread of mean post quality between creators")
    form_sd: float = par(1.274, "unit of match", 0, 2, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Spread of a creator's slowly changing form")
    form_persistence: float = par(0.9, "corr/day", 0, 0.99, ASSUMPTION, ASSUMPTION, "Day-to-day persistence of form (AR 1)")
    post_sd: float = par(1.818, "unit of match", 0, 2, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Post-to-post spread of quality")
    duration_law: Literal["lognormal", "uniform"] = choice("lognormal", ASSUMPTION, "Law of video lengths; `uniform` runs from duration_min to duration_max")
    duration_median: float = par(15, "s", 5, 120, "Crawl of 50,124 TikTok videos 2020", "B", "Median video length (lognormal law)")
    duration_sigma: float = par(0.6, "ln sd", 0, 1.5, "Crawl of 50,124 TikTok videos 2020: quartiles 11-22 s", "B", "Spread of video lengths (lognormal law)")
    duration_min: float = par(5, "s", 1, 60, ASSUMPTION, ASSUMPTION, "Shortest video")
    duration_max: float = par(180, "s", 10, 600, ASSUMPTION, ASSUMPTION, "Longest video")
    sounds: int = par(200, "sounds", 1, 1_000_000, ASSUMPTION, ASSUMPTION, "Shared sounds in use; the popularity of a sound falls as one over its rank")
    shared_sounds: float = par(0.5, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of posts that use a shared sound instead of their own")
    authenticity_mean: float = par(0.7, "0-1", 0, 1, ASSUMPTION, ASSUMPTION, "Mean perceived authenticity of creators")
    authenticity_sd: float = par(0.15, "0-1", 0, 0.5, ASSUMPTION, ASSUMPTION, "Spread of authenticity between creators, unrelated to size")
    reply_capacity: float = par(40, "replies/day", 0, 1_000_000, ASSUMPTION, ASSUMPTION, "Comments a creator can answer in a day, whatever the size")
    live_sessions_per_week: float = par(0.5, "sessions/week", 0, 7, ASSUMPTION, ASSUMPTION, "Live sessions a creator holds")
    live_seats: float = par(200, "people", 0, 1_000_000, ASSUMPTION, ASSUMPTION, "People a creator can talk with in one live session")
    live_attendance: float = par(0.02, "probability", 0, 1, ASSUMPTION, ASSUMPTION, "Chance that a follower attends a live session")
    lawful_labels: float = par(0.0, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Sponsored posts labelled because a law demands it, whatever was agreed; 0: no such law")
    amateurs: float = par(0.05, "share", 0, 1, "Pew 2024: about half never post; who answers a challenge is fewer", ASSUMPTION, "Share of people who post nothing by themselves and may answer a challenge with a video")
    amateur_authenticity: float = par(0.9, "0-1", 0, 1, ASSUMPTION, ASSUMPTION, "Perceived authenticity of such people")
    fit_required: float = par(0.2, "cosine", 0, 1, ASSUMPTION, ASSUMPTION, "Mean of the lowest brand fit a creator accepts (uniform from 0 to twice this)")
    reservation: float = par(0.8, "ratio", 0.5, 1, ASSUMPTION, ASSUMPTION, "Mean of the lowest fee a creator works for, over the fee it asks at the start (uniform up to 1)")
    reluctance: float = par(0.5, "1", 0, 5, ASSUMPTION, ASSUMPTION, "How far the lowest fee rises with the share of advertising among a creator's recent posts")
    loyalty: float = par(0.5, "1", 0, 5, "Micro creators stay loyal to a brand of a category (direction)", ASSUMPTION, "How far the lowest fee for a rival of a brand rises right after work for that brand")
    loyalty_half_life: float = par(60, "days", 1, 3650, ASSUMPTION, ASSUMPTION, "Half-life of that loyalty")
    commission_accepted: float = par(0.5, "probability", 0, 1, "42 % of brands pay a share of sales, survey 2022 (order of size)", ASSUMPTION, "Chance that a creator works for a share of sales")
    other_deals: float = par(0.07, "share", 0, 1, "7.3 % of influencer posts sponsored in 2018", "C", "Share of creators' own posts that advertise brands outside the model")
    other_disclosed: float = par(0.5, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of those posts that carry a label")
    brief_clarity: float = par(0.3, "ratio", 0, 3, "Leung et al. 2022: sponsor salience raises effect (direction)", ASSUMPTION, "How far a fully scripted post is a plainer message of the brand: awareness and memory per exposure")
    brief_quality: float = par(0.3, "unit of match", 0, 3, ASSUMPTION, ASSUMPTION, "Quality that a fully scripted post loses")


class Authenticity(Group):
    """What advertising does to how authentic a creator seems."""

    window: float = par(28, "days", 1, 365, ASSUMPTION, ASSUMPTION, "Mean age of the posts that count")
    rate: float = par(0.05, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Part of the way to its target that authenticity moves in a day")
    saturation: float = par(1.5, "1", 0, 5, ASSUMPTION, ASSUMPTION, "Loss per share of advertising above tolerance, relative to the start")
    tolerance: float = par(0.10, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of advertising among a creator's posts that costs nothing by itself")
    consistency: float = par(0.10, "0-1", 0, 1, ASSUMPTION, ASSUMPTION, "Gain where each advertising post is for the brand of the one before")
    control: float = par(0.5, "0-1", 0, 2, "Creative freedom makes content credible (direction)", ASSUMPTION, "Loss where every post is scripted by a brand")
    misfit: float = par(0.5, "0-1", 0, 2, "Congruence of influencer and brand: meta-analyses (direction)", ASSUMPTION, "Loss where every post is for a brand that does not fit at all")


class Careers(Group):
    """How creators change with what happens to them; never with their size."""

    review_days: int = par(28, "days", 1, 3650, ASSUMPTION, ASSUMPTION, "Days after which creators think about prices and posting")
    price_step: float = par(0.10, "ratio", 0, 0.9, ASSUMPTION, ASSUMPTION, "Change of the asked fee after twice the usual number of deals, or none")
    follower_loss: float = par(25, "1", 0, 1000, ASSUMPTION, ASSUMPTION, "Change of the lowest fee per share of followers lost for each advertising post, up to price_step")
    success: float = par(0.2, "elasticity", 0, 2, ASSUMPTION, ASSUMPTION, "Posting rate by views per post relative to the creator's own past")
    quit: float = par(0.0003, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Chance to stop posting when views are as usual")
    discouragement: float = par(1.0, "elasticity", 0, 5, ASSUMPTION, ASSUMPTION, "Rise of that chance as views per post fall below the creator's own past")
    entry: float = par(0.002, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Chance that a creator who stopped begins again")


class Graph(Group):
    """Who follows whom when the world begins."""

    follows_per_person: float = par(8, "follows/person", 0, 2000, "Pew 2024: median 154 followed accounts of all kinds; modelled creators are a sample", "D", "Mean modelled creators a person follows")
    follows_sigma: float = par(1.0, "ln sd", 0, 2, "Pew 2024: upper-half sigma 1.5", "D", "Spread of follows between people")
    friends_per_person: float = par(6, "follows/person", 0, 500, ASSUMPTION, ASSUMPTION, "Mean people a person follows who are not creators")
    reciprocity: float = par(0.3, "probability", 0, 1, "Twitter: .22 (Kwak et al. 2010) to .42 (Myers et al. 2014)", "A", "Chance that a follow between people is returned")
    topic_homophily: float = par(2.5, "1", 0, 10, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Strength with which follows prefer creators of one's taste")
    community_bias: float = par(0.7, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of ties between people that stay inside the community")


class Feed(Group):
    """What decides who sees what."""

    policy: str = Field("for_you", description="Registered feed policy: a named row of these parameters", json_schema_extra={"unit": "name", "source": ASSUMPTION, "grade": ASSUMPTION})
    mode: Literal["blended", "slot_mixture"] = choice("blended", ASSUMPTION, "`blended` scores all sources together; `slot_mixture` draws each slot's source by the weights")
    ranking: Literal["value", "newest", "arrival"] = choice("value", ASSUMPTION, "Order of candidates: predicted value, newest first, or as retrieved")
    update: Literal["rounds", "sequential"] = choice("rounds", ASSUMPTION, "Counters move after each round, or after each slot (exact limits; slow)")
    trending_count: Literal["positive", "views"] = choice("positive", ASSUMPTION, "What trending counts: likes, comments, shares and follows, or views")
    trending_by: Literal["topic", "platform"] = choice("topic", ASSUMPTION, "Trending posts are drawn within the person's estimated topics, or from the whole platform")
    rounds_per_day: int = par(6, "rounds", 1, 24, ASSUMPTION, ASSUMPTION, "Times a day the platform's state is refreshed")
    slots_per_request: int = par(10, "slots", 1, 40, ASSUMPTION, ASSUMPTION, "Slots served per feed request")
    candidates_follow: int = par(4, "posts", 0, 64, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Newest unseen posts and re-shares of followees considered per request")
    candidates_interest: int = par(30, "posts", 0, 64, ASSUMPTION, ASSUMPTION, "Posts of the person's estimated topics considered per request")
    candidates_trending: int = par(64, "posts", 0, 128, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Trending posts considered per request")
    candidates_random: int = par(0, "posts", 0, 32, ASSUMPTION, ASSUMPTION, "Uniformly drawn posts considered per request")
    tries: int = par(2, "tries/candidate", 1, 60_000, ASSUMPTION, ASSUMPTION, "Keyed retrieval tries per wanted candidate where everything is modelled; an open platform always finds enough")
    weight_follow: float = par(0.1, "weight", 0, 1, ASSUMPTION, ASSUMPTION, "Slot mixture: weight of followees' posts")
    weight_interest: float = par(0.6, "weight", 0, 1, ASSUMPTION, ASSUMPTION, "Slot mixture: weight of topic posts")
    weight_trending: float = par(0.1, "weight", 0, 1, ASSUMPTION, ASSUMPTION, "Slot mixture: weight of trending posts")
    weight_random: float = par(0.2, "weight", 0, 1, ASSUMPTION, ASSUMPTION, "Slot mixture: weight of uniformly drawn posts")
    exploration_share: float = par(0.10, "share of slots", 0, 1, "X 1/35; Kuaishou .0037 (KuaiRand); higher as agents are few", ASSUMPTION, "Slots reserved for posts in test stages")
    exploration_targeting: float = par(1.0, "1", 0, 5, ASSUMPTION, ASSUMPTION, "How strongly a test audience is chosen by estimated taste")
    stage_quota: float = par(200, "impressions", 1, 1e7, "Practitioners: 200-500 for the first pool", "C", "Impressions of the first test stage, in real units")
    stage_growth: float = par(4, "ratio", 1.5, 10, "Practitioners", "C", "Each stage's quota over the one before")
    stage_pass: float = par(0.30, "share", 0.01, 1, ASSUMPTION, ASSUMPTION, "Share of posts promoted at the end of a stage")
    stages: int = par(3, "stages", 0, 8, ASSUMPTION, ASSUMPTION, "Test stages; 0 switches staged exposure off")
    stage_memory: int = par(200, "posts", 10, 5000, ASSUMPTION, ASSUMPTION, "Recent posts of a stage that a result is compared with")
    failed_factor: float = par(0.2, "ratio", 0, 1, ASSUMPTION, ASSUMPTION, "Topic-retrieval weight of a post that failed a stage")
    max_age: float = par(30, "days", 1, 365, "Xiaohongshu practice: items distributed for 30 days", "B", "Age after which a post is no longer retrieved")
    freshness_age: float = par(0.5, "days", 0.05, 30, "Trendpop: 32/38/55 % of views after 1/2/7 days (shape)", "B", "Age scale of the freshness factor (1 + age/a)^-b")
    freshness_exponent: float = par(0.002349, "1", 0, 3, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Exponent of the freshness factor")
    trending_prior: float = par(0.01, "engagements", 0.001, 1000, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Pseudo-count of the trending weight (n + alpha)^gamma")
    trending_exponent: float = par(1.005, "1", 0, 1.3, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Exponent of the trending weight")
    trending_half_life: float = par(12, "days", 0.1, 10_000, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Half-life of the trending count")
    trending_cap: float = par(0.007, "share of people", 0.0001, 1000, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Count, per person simulated, at which the trending weight stops growing")
    popularity_exponent: float = par(0.0, "1", 0, 0.5, "Krumme et al. 2012: popularity acts on exposure", ASSUMPTION, "Exponent of (n + alpha) in the ranking score")
    value_like: float = par(6.7, "1/like", 0, 100, "Four-term score (NYT 2021), equal-contribution rule (X)", "D", "Value of a predicted like")
    value_comment: float = par(62, "1/comment", 0, 1000, "Four-term score (NYT 2021), equal-contribution rule (X)", "D", "Value of a predicted comment")
    value_playtime: float = par(0.056, "1/s", 0, 1, "Four-term score (NYT 2021), equal-contribution rule (X)", "D", "Value of a predicted second watched")
    value_play: float = par(0.33, "1/play", 0, 10, "Four-term score (NYT 2021), equal-contribution rule (X)", "D", "Value of a predicted play")
    value_share: float = par(0, "1/share", 0, 1000, "Optional term", ASSUMPTION, "Value of a predicted share")
    value_follow: float = par(0, "1/follow", 0, 1000, "Optional term", ASSUMPTION, "Value of a predicted follow")
    value_negative: float = par(0, "1/not interested", 0, 1000, "Optional term", ASSUMPTION, "Cost of a predicted `not interested`")
    play_seconds: float = par(7, "s", 1, 30, "KuaiRand: valid play above 7 s", "A", "Watch time that counts as a play")
    non_followed_factor: float = par(1.0, "ratio", 0, 1.5, "X: .75; TikTok-like 1", "A", "Score factor of posts from creators not followed")
    refusal_days: float = par(14, "days", 0, 365, "X source code: FeedbackFatigueFilter", "A", "Days a creator stays away from a person who was not interested")
    refusal_ramp: float = par(140, "days", 0, 3650, "X source code: FeedbackFatigueScorer", "A", "Days of the linear way back to the full score after that")
    refusal_floor: float = par(0.2, "ratio", 0, 1, "X source code: FeedbackFatigueScorer", "A", "Score factor at the beginning of that way")
    cold_start_rank: int = par(0, "rank", 0, 64, "X source code (2026): 15", "A", "Rank to which one post of a small account is lifted per request; 0 never")
    cold_start_followers: float = par(1000, "followers", 0, 1e9, "X source code (2026)", "A", "Most real followers of a lifted post's account")
    cold_start_impressions: float = par(1000, "impressions", 0, 1e9, "X source code (2026)", "A", "Real impressions below which a post may be lifted")
    heating_share: float = par(0.0, "share of views", 0, 0.2, "Internal playbook (Forbes 2023): .01-.02 of daily views; off unless asked for", "A", "Daily views that the platform gives by hand to posts it picks at random")
    heating_views: float = par(10_000, "impressions", 1, 1e8, ASSUMPTION, ASSUMPTION, "Impressions given to a heated post, in real units")
    same_tag_penalty: float = par(0.15, "1/item today", 0, 0.5, "Exists (NYT 2021), size assumed", ASSUMPTION, "Loss of log score per item of the same tag seen today")
    author_seen_bonus: float = par(0.05, "1/engagement", 0, 0.2, "Exists (NYT 2021), size assumed", ASSUMPTION, "Score gain per past engagement with the creator, up to three")
    author_decay: float = par(0.5, "ratio", 0, 1, "X source code", "A", "Score factor for each further item of a creator in a request")
    author_floor: float = par(0.25, "ratio", 0, 1, "X source code", "A", "Lowest such factor")
    sponsored_factor: float = par(0.8237, "ratio", 0, 2, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Score factor of sponsored posts")
    ad_fatigue: float = par(0.43, "1", 0, 1, "Meta: click likelihood (N + 1)^-.43", "B", "Exponent of repeated sponsored exposures in score and clicks")
    ad_gap: int = par(4, "organic slots", 1, 20, "X: at least 3 organic items between ads", "A", "Organic slots before each bought slot")
    ad_targeting: float = par(1.0, "1", 0, 5, ASSUMPTION, ASSUMPTION, "How strongly bought slots are aimed by estimated taste")
    ads_to_minors: bool = Field(True, description="Bought impressions are shown to people aged 13-17 too", json_schema_extra={"unit": "switch", "source": "TikTok Germany 2019: ads reached minors; EU Digital Services Act, Article 28 forbids profiling-based ones since 2024", "grade": "A"})
    sponsored_to_minors: bool = Field(True, description="Sponsored posts are recommended to people aged 13-17 too; along a follow they always come", json_schema_extra={"unit": "switch", "source": ASSUMPTION, "grade": ASSUMPTION})
    ad_frequency_cap: int = par(2, "ads/person/day", 1, 50, ASSUMPTION, ASSUMPTION, "Bought impressions of one brand a person gets in a day")
    rank_noise: float = par(0.22, "ln score", 0.02, 1, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Scale of the Gumbel noise of the ranking")
    prior_impressions: float = par(20, "impressions", 1, 500, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Weight of the prior in a post's observed rates")
    prediction_follow: float = par(0.45, "unit of match", 0, 3, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Predicted gain when the viewer follows the creator")
    prediction_affinity: float = par(0.15, "unit of match", 0, 2, ASSUMPTION, ASSUMPTION, "Predicted gain per past engagement with the creator, up to five")
    prediction_creator: float = par(1.0, "share", 0, 1, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "How far a new post is predicted to do what its creator's live posts did")
    affinity_half_life: float = par(30, "days", 1, 365, ASSUMPTION, ASSUMPTION, "Half-life of past engagement in predictions")
    initial_knowledge: float = par(0.6, "0-1", 0, 1, ASSUMPTION, ASSUMPTION, "How much of people's tastes the platform knows on day 0")
    learning_rate: float = par(0.02, "1/impression", 0, 0.2, "Vombatkere et al. 2024: profile stable after about 100 videos", "D", "Step of the estimated interests per impression")
    learn_watch: float = par(1.0, "1", 0, 10, "Order from audits (Boeker & Urman 2022; Vombatkere et al. 2024)", ASSUMPTION, "Learning weight of watching more or less than expected")
    learn_like: float = par(1.5, "1", 0, 10, "Order from audits (Boeker & Urman 2022; Vombatkere et al. 2024)", ASSUMPTION, "Learning weight of a like")
    learn_comment: float = par(2.0, "1", 0, 10, "Order from audits (Boeker & Urman 2022; Vombatkere et al. 2024)", ASSUMPTION, "Learning weight of a comment")
    learn_share: float = par(2.0, "1", 0, 10, "Order from audits (Boeker & Urman 2022; Vombatkere et al. 2024)", ASSUMPTION, "Learning weight of a share")
    learn_follow: float = par(4.0, "1", 0, 10, "Order from audits (Boeker & Urman 2022; Vombatkere et al. 2024)", ASSUMPTION, "Learning weight of a follow")
    learn_negative: float = par(3.0, "1", 0, 10, "Order from audits (Boeker & Urman 2022; Vombatkere et al. 2024)", ASSUMPTION, "Learning weight of `not interested`")
    outside_posts: float = par(0.05, "posts/person/day", 0, 10, "Pew 2024: about half never post, the top quarter make 98 % of posts", ASSUMPTION, "Supply of the whole platform; modelled creators compete with it. 0: everything is modelled")
    outside_ad_load: float = par(0.07, "share", 0, 0.3, "7.3 % of influencer posts sponsored in 2018", "C", "Share of outside posts that are advertising")
    repeats: bool = Field(False, description="Posts may be shown again to the same person (exact limits)", json_schema_extra={"unit": "switch", "source": ASSUMPTION, "grade": ASSUMPTION})
    inbox: int = par(64, "posts", 1, 4096, ASSUMPTION, ASSUMPTION, "Newest posts and re-shares of followees kept per person")


class Response(Group):
    """What a person does with one impression."""

    watch_law: Literal["loglogistic", "full"] = choice("loglogistic", ASSUMPTION, "Watch time: log-logistic in taste, or every video to its end")
    match: float = par(1.934, "sd", 0, 3, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Effect of taste match on engagement")
    quality: float = par(0.4, "sd", 0, 2, "KuaiRand: match effect 2-3 times quality", "D", "Effect of post quality")
    follows: float = par(0.3, "sd", 0, 3, "Zannettou et al. 2024: people like more from those they follow (direction)", ASSUMPTION, "Effect of following the creator")
    trust: float = par(0.65, "sd", 0, 3, ASSUMPTION, ASSUMPTION, "Effect of trust in the creator")
    tie: float = par(0.8, "sd", 0, 3, ASSUMPTION, ASSUMPTION, "Effect of the parasocial tie")
    authenticity: float = par(0.32, "sd", 0, 3, ASSUMPTION, ASSUMPTION, "Effect of the creator's authenticity")
    disclosure: float = par(0.16, "sd", -0.15, 0.5, "Contested: Waltenrath 2024 against Gross & v. Wangenheim 2022", "A", "Loss from a recognised disclosure (sign contested: sweep it)")
    misfit: float = par(0.12, "sd", 0, 1, ASSUMPTION, ASSUMPTION, "Loss of a sponsored post whose brand does not fit its creator")
    saturation: float = par(1.6, "sd", 0, 5, ASSUMPTION, ASSUMPTION, "Loss per share of sponsored content seen above tolerance")
    saturation_tolerance: float = par(0.15, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of sponsored content tolerated")
    saturation_half_life: float = par(7, "days", 0.5, 60, ASSUMPTION, ASSUMPTION, "Half-life of the sponsored share seen")
    persuasion_learning: float = par(0.001, "1/exposure", 0, 0.1, "Eisend et al. 2020: disclosure raises persuasion knowledge (direction)", ASSUMPTION, "Growth of persuasion knowledge towards one per recognised disclosed exposure")
    noise: float = par(0.48, "sd", 0, 2, ASSUMPTION, ASSUMPTION, "Unexplained spread of one impression")
    watch_median: float = par(7.2, "s", 1, 60, "KuaiRec, KuaiRand and TikTok's 45 % attention", "D", "Median watch time of an average match")
    watch_slope: float = par(1.2, "ln s/sd", 0, 2, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Effect of engagement on log watch time")
    loop: float = par(0.42, "probability", 0, 0.9, "Vendor table of loop rates (shape only)", "C", "Chance to watch a short finished video again")
    minimum_watch: float = par(2, "s", 0, 10, ASSUMPTION, ASSUMPTION, "Watch time below which nobody reacts")
    like_rate: float = par(0.0975, "1/impression", 0, 1, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Like probability of an average impression")
    comment_rate: float = par(0.0002849, "1/impression", 0, 1, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Comment probability of an average impression")
    share_rate: float = par(0.0015, "1/impression", 0, 1, "KuaiRand .0009, vendors .003", "B", "Share probability of an average impression")
    follows_per_like: float = par(0.016, "ratio", 0, 1, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Follow probability over like probability of an average impression")
    negative_rate: float = par(0.0007, "1/impression", 0, 1, "KuaiRand", "A", "`Not interested` probability of an average impression")
    like_slope: float = par(1.4, "logit/sd", 0, 3, "Settled by hand before the fit: experiments/fit_platform", ASSUMPTION, "Effect of engagement on liking")
    comment_slope: float = par(1.573, "logit/sd", 0, 3, "Fitted to the crawl of 2020, Trendpop and KuaiRand: experiments/fit_platform", "D", "Effect of engagement on commenting")
    share_slope: float = par(0.88, "logit/sd", 0, 3, "KuaiRand", "D", "Effect of engagement on sharing")
    follow_slope: float = par(1.71, "logit/sd", 0, 3, "KuaiRand", "D", "Effect of engagement on following")
    negative_slope: float = par(-0.26, "logit/sd", -3, 0, "KuaiRand", "D", "Effect of engagement on `not interested`")
    edge_shares: bool = Field(False, description="Share with the probability of the edge along which a re-share came (independent cascade)", json_schema_extra={"unit": "switch", "source": ASSUMPTION, "grade": ASSUMPTION})


class Ties(Group):
    """Tie, trust and reputation."""

    gain: float = par(0.10, "1/engagement", 0, 0.5, ASSUMPTION, ASSUMPTION, "Growth of the tie per engagement")
    reply_weight: float = par(0.65, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Part of the growth that needs an answer from the creator")
    half_life: float = par(45, "days", 5, 365, ASSUMPTION, ASSUMPTION, "Half-life of a tie without contact")
    trust_organic: float = par(0.5, "evidence", 0, 5, ASSUMPTION, ASSUMPTION, "Positive evidence of an engaged organic post")
    trust_sponsored: float = par(0.3, "evidence", 0, 5, ASSUMPTION, ASSUMPTION, "Evidence of a watched sponsored post, split by fit and authenticity")
    negativity: float = par(2.5, "ratio", 1, 5, "Direction: negativity bias literature", ASSUMPTION, "Weight of negative over positive evidence")
    trust_half_life: float = par(60, "days", 5, 365, ASSUMPTION, ASSUMPTION, "Half-life of trust evidence")
    reputation_weight: float = par(0.3, "share", 0, 1, ASSUMPTION, ASSUMPTION, "How far reputation moves the prior of trust")
    reputation_half_life: float = par(14, "days", 1, 365, ASSUMPTION, ASSUMPTION, "Half-life of reputation")
    detection: float = par(0.05, "probability", 0, 1, ASSUMPTION, ASSUMPTION, "Chance that an undisclosed ad is detected, per exposure and persuasion knowledge")
    detection_loss: float = par(3, "evidence", 0, 20, ASSUMPTION, ASSUMPTION, "Negative evidence of a detected undisclosed ad")
    transparency: float = par(0.1, "evidence", 0, 5, "Karaguer et al. 2022: transparency is appreciated (direction)", ASSUMPTION, "Positive evidence of a watched sponsored post whose disclosure is recognised")
    trust_purchase: float = par(2, "evidence", 0, 20, ASSUMPTION, ASSUMPTION, "Evidence about the credited creator from a good purchase; a bad one counts negatively and weighs `negativity`")
    unfollow_sponsored: float = par(0.012, "1/exposure", 0, 0.1, "Cheng & Zhang: -.19 % of the whole audience per sponsored post, which few of it watch; set to it", "D", "Unfollow probability of a follower who watched a sponsored post, before fit and authenticity")
    unfollow_daily: float = par(0.0005, "1/day", 0, 0.05, ASSUMPTION, ASSUMPTION, "Unfollow probability per day at trust one half; doubles as trust vanishes")


class Brand(Group):
    """The advertiser and its product."""

    topic: int = par(0, "topic", 0, 63, ASSUMPTION, ASSUMPTION, "Topic of the product category")
    breadth: float = par(0.3, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Share of the category's appeal that is spread over all topics")
    price: float = par(40, "USD", 0.01, 100_000, "Average order value in social commerce", "C", "Price of the product")
    margin: float = par(0.6, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Gross margin")
    trust: float = par(0.35, "0-1", 0, 1, ASSUMPTION, ASSUMPTION, "Trust in the brand's own advertising")
    authenticity: float = par(0.3, "0-1", 0, 1, ASSUMPTION, ASSUMPTION, "Authenticity of the brand's own account")
    quality: float = par(0.0, "-1 to 1", -1, 1, ASSUMPTION, ASSUMPTION, "Quality of the product against the category; buyers find out")
    posts_per_day: float = par(0.2, "posts/day", 0, 10, ASSUMPTION, ASSUMPTION, "Posts of the brand's own account that are no advertising; each brand of the market has one")


class Rivals(Group):
    """Other brands of the same category, which advertise all the time."""

    count: int = par(0, "brands", 0, 7, ASSUMPTION, ASSUMPTION, "Competing brands; each has an account, memory, attitude and sales of its own")
    spend: float = par(1.0, "USD/1000 people/day", 0, 1000, ASSUMPTION, ASSUMPTION, "What the first rival spends")
    creator_share: float = par(0.5, "share", 0, 1, ASSUMPTION, ASSUMPTION, "Part of a rival's spending that hires creators; the rest buys in-feed ads")
    awareness: float = par(0.2, "share", 0, 1, ASSUMPTION, ASSUMPTION, "People who know the first rival on day 0")
    size_ratio: float = par(0.7, "ratio", 0.05, 1, ASSUMPTION, ASSUMPTION, "Awareness and spend of each further rival over those of the one before")
    price: float = par(40, "USD", 0.01, 100_000, "Average order value in social commerce", "C", "Price of a rival's product")
    trust: float = par(0.35, "0-1", 0, 1, ASSUMPTION, ASSUMPTION, "Trust in a rival's own advertising")
    quality: float = par(0.0, "-1 to 1", -1, 1, ASSUMPTION, ASSUMPTION, "Quality of a rival's product against the category")
    silent: int = par(0, "brands", 0, 7, ASSUMPTION, ASSUMPTION, "Rivals, the last ones, that sell but do not advertise until an event `rival_enters`")


class Funnel(Group):
    """From exposure to purchase."""

    awareness_influencer: float = par(0.08, "1/exposure", 0, 1, ASSUMPTION, ASSUMPTION, "Chance to become aware from one fully watched sponsored post")
    awareness_ad: float = par(0.05, "1/exposure", 0, 1, ASSUMPTION, ASSUMPTION, "Chance to become aware from one fully watched in-feed ad")
    awareness_half_life: float = par(90, "days", 5, 1000, ASSUMPTION, ASSUMPTION, "Half-life of awareness")
    initial_awareness: float = par(0.05, "share", 0, 1, ASSUMPTION, ASSUMPTION, "People who know the brand on day 0")
    consideration: float = par(0.02, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Hazard at which the aware begin to consider, at full attitude")
    memory_half_life: float = par(28, "days", 1, 365, "Kronrod & Huber 2019: memory outlasts annoyance", "A", "Half-life of brand memory")
    annoyance_half_life: float = par(7, "days", 0.5, 90, "Kronrod & Huber 2019: annoyance fades fast", "A", "Half-life of annoyance")
    attitude_gain: float = par(0.10, "1/exposure", 0, 1, ASSUMPTION, ASSUMPTION, "Attitude gained from a trusted, fitting exposure")
    attitude_annoyance: float = par(0.02, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Attitude lost to annoyance on a day with exposure")
    attitude_disclosure: float = par(0.05, "1/exposure", 0, 1, "Eisend et al. 2020: disclosure lowers brand attitude (direction)", ASSUMPTION, "Attitude lost to a recognised disclosure where the source is not trusted")
    attitude_detection: float = par(0.2, "1/detection", 0, 2, "Waltenrath 2024: undisclosed ads hurt later (direction)", ASSUMPTION, "Attitude lost when an undisclosed ad is detected")
    repetition_peak: float = par(10, "exposures", 1, 50, "Schmidt & Eisend 2015: attitude peaks near 10 exposures", "A", "Remembered exposures at which the gain per exposure is highest")
    click_influencer: float = par(0.0186, "1/watched impression", 0, 0.5, "Influencer click-through .5-3 %; set so that 1.5 % of views are clicked", "C", "Click probability on a sponsored post at average match")
    click_ad: float = par(0.036, "1/watched impression", 0, 0.5, "In-feed click-through .73-.9 % of impressions, few of them watched; set so that .8 % are clicked", "C", "Click probability on an in-feed ad at average match")
    click_match: float = par(1.2, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of interest in the category (cosine) on clicking")
    click_tie: float = par(0.6, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of the tie on clicking")
    click_attitude: float = par(0.5, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of brand attitude on clicking")
    buy_rate: float = par(0.013, "1/click", 0, 0.5, "Social visitors convert 1.3-1.7 %, all visitors 2.2 %; set so that 1.7 % of clicks on ads buy", "C", "Purchase probability of a click at average match and half trust")
    buy_match: float = par(1.0, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of interest in the category on buying")
    buy_trust: float = par(1.2, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of trust in the creator on buying")
    buy_tie: float = par(0.8, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of the tie on buying")
    buy_attitude: float = par(0.6, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of brand attitude on buying")
    buy_price: float = par(0.3, "logit", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of price sensitivity times price over 40 USD on buying")
    tester: float = par(0.3, "logit", 0, 5, "Claim: creators test products for others, which lowers the risk; size assumed", ASSUMPTION, "Effect of a trusted creator's own trial on buying; bought impressions have none")
    shop: Literal["site", "in_app"] = choice("site", ASSUMPTION, "Where a click leads: to the brand's site, or to a shop inside the app")
    shop_factor: float = par(1.3, "ratio", 1, 5, ASSUMPTION, ASSUMPTION, "Purchase probability of a click in the app's shop over that on a site")
    delayed_rate: float = par(0.002, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Purchase hazard of those who consider")
    delayed_attitude: float = par(0.8, "ln", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of attitude on that hazard")
    delayed_memory: float = par(0.3, "ln", 0, 5, ASSUMPTION, ASSUMPTION, "Effect of ln(1 + memory) on that hazard")
    baseline_rate: float = par(0.0001, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Organic purchase hazard at full interest in the category; runs in every arm")
    baseline_interest: float = par(1, "1", 0, 3, ASSUMPTION, ASSUMPTION, "Exponent of relative interest in the category in the organic hazard; 0: the same for everybody")
    contagion: float = par(0, "1/day", 0, 1, "Bass 1969: imitation", "A", "Purchase hazard of non-buyers per share of buyers among those they are in contact with")
    contact: Literal["everybody", "followees"] = choice("everybody", "Bass 1969; on a network: Fibich & Gibori 2010", "With whom people are in contact: everybody alike, or the people they follow (who are not creators)")
    closed_need: float = par(0.2, "ratio", 0, 1, ASSUMPTION, ASSUMPTION, "Purchase probabilities while a person's need in the category is closed by a purchase, over those while it is open")
    repurchase_gap: float = par(60, "days", 5, 1000, "Repurchase gaps of consumer goods: category means of 30-90 days", ASSUMPTION, "Mean time from a purchase in the category until the need is due again (gamma law)")
    repurchase_shape: float = par(2, "1", 0.5, 20, "Chatfield & Goodhardt 1973: Erlang-2 gaps between purchases", "A", "Shape of that law; 1 is exponential")
    lapse: float = par(0.6, "weight", 0, 100, ASSUMPTION, ASSUMPTION, "Weight of leaving the category when the need is due, against exp(attitude + loyalty) of each brand known")
    satisfaction: float = par(0.8, "probability", 0, 1, ASSUMPTION, ASSUMPTION, "Chance that a purchase satisfies, at the quality of the category")
    satisfaction_quality: float = par(0.15, "probability", 0, 1, ASSUMPTION, ASSUMPTION, "Effect of the product's quality on that chance")
    attitude_experience: float = par(0.2, "1/purchase", 0, 1, ASSUMPTION, ASSUMPTION, "Attitude gained from a good purchase, as a share of what is missing to one; lost from a bad one likewise")
    loyalty_gain: float = par(0.15, "1/purchase", 0, 5, ASSUMPTION, ASSUMPTION, "Loyalty from a good purchase; a bad one ends it")
    loyalty_decay: float = par(0.01, "1/day", 0, 1, ASSUMPTION, ASSUMPTION, "Loyalty lost per day")


class Wom(Group):
    """Word of mouth: what buyers tell the people who follow them."""

    mention: float = par(0.03, "1/purchase", 0, 1, ASSUMPTION, ASSUMPTION, "Chance that a satisfied buyer tells followers")
    mention_bad: float = par(0.06, "1/purchase", 0, 1, "Anderson 1998: the dissatisfied tell more (direction)", ASSUMPTION, "Chance that a dissatisfied buyer tells followers")
    trust: float = par(0.7, "0-1", 0, 1, "People trust people like them (claim); size assumed", ASSUMPTION, "Weight of a followed person's word")
    homophily: float = par(0.3, "1", 0, 2, "Babic Rosario et al. 2016: stronger with visible similarity (direction)", ASSUMPTION, "Gain of that weight at equal tastes (cosine), up to a weight of one")
    awareness: float = par(0.5, "1/mention", 0, 1, ASSUMPTION, ASSUMPTION, "Chance to become aware of the brand from a mention of full weight")
    attitude: float = par(0.2, "1/mention", 0, 1, ASSUMPTION, ASSUMPTION, "Attitude gained from good word of full weight; bad word counts `negativity` times")


class Attribution(Group):
    """How dashboards credit sales; nothing that happens depends on it."""

    window: int = par(7, "days", 0, 90, "Platforms' default: 7 days after a click", "B", "Days after a click in which last click credits it")
    touch_half_life: float = par(7, "days", 0.1, 365, ASSUMPTION, ASSUMPTION, "Half-life of a touch in multi-touch credit")
    code_use: float = par(0.3, "probability", 0, 1, ASSUMPTION, ASSUMPTION, "Chance that a buyer who just saw a creator's post uses its promo code")
    code_leak: float = par(0.05, "probability", 0, 1, ASSUMPTION, ASSUMPTION, "Chance that another buyer finds a code while codes are around")
    delay: int = par(14, "days", 0, 365, ASSUMPTION, ASSUMPTION, "Days until a brand sees the sales credited to its channels and creators")


class Prices(Group):
    """What things cost."""

    fee: float = par(60, "USD", 0, 1e6, "Vendor price lists 2024-25: 23-150", "C", "Fee of a sponsored post at 10,000 followers and average engagement")
    fee_exponent: float = par(0.95, "1", 0, 1.5, "Vendor price lists: .93-.98", "C", "Exponent of the fee in followers")
    fee_engagement: float = par(0.5, "1", 0, 2, ASSUMPTION, ASSUMPTION, "How far the fee follows the engagement rate per view relative to .05")
    fee_sigma: float = par(0.25, "ln sd", 0, 1, ASSUMPTION, ASSUMPTION, "Spread of asked fees between creators")
    niche: float = par(0.3, "ratio", 0, 3, ASSUMPTION, ASSUMPTION, "How far a narrow audience costs more: fee by concentration of declared topics above the market's mean, 0 all topics to 1 one topic")
    exclusivity: float = par(0.35, "share of fee", 0, 2, "Vendor pages 2025: 20-50 %", "C", "Extra fee where the creator works for no rival for a time")
    usage_rights: float = par(0.5, "share of fee", 0, 5, "Vendor pages 2025: 50-200 %", "C", "Extra fee where the brand may use the post in its own advertising")
    ambassador_discount: float = par(0.2, "share of fee", 0, 0.9, ASSUMPTION, ASSUMPTION, "Fee saved per post where many posts of one creator are ordered together")
    ambassador_posts: int = par(6, "posts", 2, 1000, ASSUMPTION, ASSUMPTION, "Posts of one creator ordered together from which the discount is given")
    search_cost: float = par(5, "USD/deal", 0, 10_000, ASSUMPTION, ASSUMPTION, "Cost of finding a creator, times ln of its rank by followers: the best known need no search")
    gift_cost: float = par(50, "USD", 0, 10_000, "Traackr; HBR: about 50", "B", "Product and shipping of a gift in place of a fee")
    gift_posts: float = par(0.45, "probability", 0, 1, "Traackr: over 60 % of 300 marketers say that less than half post; .2-.6", "B", "Chance that who gets a gift posts, at a fit of one half")
    gift_fit: float = par(0.4, "1", 0, 2, ASSUMPTION, ASSUMPTION, "Effect of fit on that chance")
    gift_worth: float = par(0.2, "ratio", 0.001, 10, ASSUMPTION, ASSUMPTION, "Value of a gift over the usual fee below which the chance falls in proportion")
    commission: float = par(0.15, "share of sales", 0, 0.8, "TikTok Shop: 8-22 % by category", "C", "Share of attributed sales paid where no fee is; never more than the fee would have been")
    commission_days: int = par(30, "days", 1, 365, ASSUMPTION, ASSUMPTION, "Days after a post for which its sales are paid")
    deal_overhead: float = par(50, "USD/deal", 0, 10_000, ASSUMPTION, ASSUMPTION, "Brief and contract per creator hired")
    product_cost: float = par(15, "USD/deal", 0, 10_000, ASSUMPTION, ASSUMPTION, "Product and shipping per creator hired")
    ad_demand: float = par(5, "USD/1000 people/day", 0.01, 10_000, ASSUMPTION, ASSUMPTION, "Spending of all other advertisers, at which `cpm` is the price; what modelled brands spend comes on top")
    auction: float = par(0.2, "1", 0, 2, ASSUMPTION, ASSUMPTION, "Elasticity of the price of in-feed impressions in spending")
    scaled: bool = Field(True, description="Prices of large formats shrink with the modelled population; otherwise small budgets cannot buy them", json_schema_extra={"unit": "switch", "source": ASSUMPTION, "grade": ASSUMPTION})
    cpm: float = par(8, "USD/1000 impressions", 0.01, 1000, "Vendor pages 2023-25: 3.2-15, median 8", "C", "Price of a thousand in-feed ad impressions")


class Formats(Group):
    """Large advertising formats: prices of a whole country, and what an exposure does."""

    population: float = par(100e6, "people", 1000, 1e10, "TikTok: 100 M monthly users in the USA in August 2020", "B", "Users of the market that the prices of large formats are of")
    takeover_price: float = par(50_000, "USD/day", 0, 1e7, "Vendor pages: 50,000-100,000 a day", "C", "Least price of a takeover, which is the first slot of a person's day")
    takeover_cpm: float = par(20, "USD/1000 impressions", 0.01, 1000, "Vendor pages: 15-25", "C", "Price of a thousand takeover impressions")
    takeover_awareness: float = par(0.25, "1/exposure", 0, 1, ASSUMPTION, ASSUMPTION, "Chance to become aware from one fully watched takeover")
    challenge_price: float = par(150_000, "USD", 0, 1e7, "Vendor pages: 150,000 for 6 days", "C", "Least price of a hashtag challenge")
    challenge_awareness: float = par(0.15, "1/exposure", 0, 1, ASSUMPTION, ASSUMPTION, "Chance to become aware from one fully watched challenge video, the brand's or a person's")
    effect_price: float = par(55_000, "USD", 0, 1e7, "Vendor pages: 30,000-80,000", "C", "Least price of a branded effect")
    effect_awareness: float = par(0.08, "1/exposure", 0, 1, ASSUMPTION, ASSUMPTION, "Chance to become aware from one fully watched video that shows the effect")
    effect_ease: float = par(0.5, "ratio", 0, 10, ASSUMPTION, ASSUMPTION, "Chance to make a video with an effect, over that of joining a challenge")
    join: float = par(0.005, "1/watched video", 0, 1, "Range .001-.02", ASSUMPTION, "Chance that a person who may make a video does so after watching one of a challenge, at average propensity to share")


class Market(Group):
    """The world a scenario plays in: everything the strategist does not choose."""

    people: People = People()
    creators: Creators = Creators()
    authenticity: Authenticity = Authenticity()
    careers: Careers = Careers()
    graph: Graph = Graph()
    feed: Feed = Feed()
    response: Response = Response()
    ties: Ties = Ties()
    brand: Brand = Brand()
    rivals: Rivals = Rivals()
    funnel: Funnel = Funnel()
    wom: Wom = Wom()
    attribution: Attribution = Attribution()
    prices: Prices = Prices()
    formats: Formats = Formats()


@dataclass(frozen=True)
class Parameter:
    """One line of the parameter reference; `path` is the key a scenario file or `--set` uses."""

    path: str
    default: Any
    unit: str
    low: float | None
    high: float | None
    allowed: tuple[str, ...]
    source: str
    grade: str
    meaning: str


def parameters() -> Iterator[Parameter]:
    """Yield every parameter of the market, in file order."""
    for group_name, group in Market.model_fields.items():
        fields: dict[str, FieldInfo] = group.annotation.model_fields  # type: ignore[union-attr]
        for name, field in fields.items():
            extra: dict[str, Any] = field.json_schema_extra  # type: ignore[assignment]
            allowed = getattr(field.annotation, "__args__", ())
            yield Parameter(
                f"{group_name}.{name}", field.default, extra["unit"], extra.get("low"), extra.get("high"),
                tuple(map(str, allowed)), extra["source"], extra["grade"], field.description or "",
            )
