"""A scenario that plays in a tenth of a second."""

TINY = """
name: tiny
market:
  people: {agents: 200, population: 4000, views_per_day: 20, topics: 5}
  creators: {count: 14}
  feed: {stage_quota: 40}
budget: 300
horizon: 5
replications: 3
strategies: [none, small: {strategy: micro_portfolio, followers_min: 0, followers_max: 1000}, ads: {strategy: paid_infeed, days: 2}]
"""
