"""What orders cost: the one place where fees, rights, discounts and the costs of a deal are put together.

Strategies plan with it, the engine charges by it, and the battery keeps its books with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from influence_sim.strategies.base import BrandView, Order, SponsoredPost

# What money is spent on, in the order of tables. All but ads goes to creators or to finding them.
ITEMS = ("fees", "rights", "overhead", "product", "search", "gifts", "commission", "ads")
Bill = dict[str, float]  # USD by item


def lots(orders: Iterable[Order], posts_of_a_lot: int) -> Iterator[list[Order]]:
    """Yield the orders one by one; those of a creator that are enough for the discount come together, in place of the first."""
    found = list(orders)
    of_creator: dict[int, list[Order]] = {}
    for order in found:
        if isinstance(order, SponsoredPost) and order.pay == "fee":
            of_creator.setdefault(order.creator, []).append(order)
    done: set[int] = set()
    for order in found:
        lot = of_creator[order.creator] if isinstance(order, SponsoredPost) and order.pay == "fee" else [order]
        if len(lot) < posts_of_a_lot:
            yield [order]
        elif isinstance(order, SponsoredPost) and order.creator not in done:
            done.add(order.creator)
            yield lot


def prices(view: BrandView, posts: Sequence[SponsoredPost], known: bool, contracted: bool, ambassador: bool) -> list[Bill] | None:
    """Return what each of `posts`, all of one creator, costs; None when the creator refuses one of them.

    fee x (1 - discount) for an ambassador; plus exclusivity and usage rights as shares of that; for a
    commission the same fee as the most it can cost.  The first contract adds overhead and product, the
    first contact the search.  A gift is the product alone and buys no rights.

    Parameters
    ----------
    view
        What the brand sees this morning.
    posts
        Posts of one creator.
    known, contracted
        Whether the brand dealt with this creator before, and whether there was a contract.
    ambassador
        Whether the discount is given.
    """
    terms, bills = view.terms, []
    for post in posts:
        c, bill = post.creator, Bill()
        if post.pay == "gift":
            if not view.gift_taken[c] or post.exclusive_days or post.usage_rights:
                return None
            bill["gifts"] = terms.gift
        else:
            fee = float(view.fee[c]) * (1.0 - terms.ambassador_discount if ambassador else 1.0)
            if np.isnan(fee) or (post.pay == "commission" and not view.commission_taken[c]):
                return None
            bill["fees" if post.pay == "fee" else "commission"] = fee
            if post.exclusive_days or post.usage_rights:
                bill["rights"] = fee * (terms.exclusivity * (post.exclusive_days > 0) + terms.usage_rights * post.usage_rights)
            if not contracted:
                bill["overhead"], bill["product"] = terms.overhead, terms.product
                contracted = True
        if not known:
            bill["search"] = float(view.search_cost[c])
            known = True
        bills.append(bill)
    return bills


def total(bills: Iterable[Bill]) -> float:
    """Return the sum of bills in USD."""
    return float(sum(sum(bill.values()) for bill in bills))


def package_cost(posts: Sequence[SponsoredPost], view: BrandView) -> float:
    """Return the price in USD of `posts`, all of one creator, ordered together; NaN when the creator refuses.

    Who was hired before counts as under contract.
    """
    if not posts:
        return 0.0
    met = bool(view.hired[posts[0].creator])
    bills = prices(view, posts, met, met, _earns_discount(posts, view))
    return float("nan") if bills is None else total(bills)


def _earns_discount(posts: Sequence[SponsoredPost], view: BrandView) -> bool:
    return posts[0].pay == "fee" and len(posts) >= view.terms.ambassador_posts


def cost_of(orders: Iterable[Order], view: BrandView) -> float:
    """Return the price in USD of `orders` placed together; NaN when a creator refuses."""
    cost, posts = 0.0, dict[tuple[int, bool], list[SponsoredPost]]()
    for order in orders:
        if isinstance(order, SponsoredPost):
            posts.setdefault((order.creator, order.pay == "fee"), []).append(order)
        else:
            cost += order.spend
    return cost + sum(package_cost(package, view) for package in posts.values())
