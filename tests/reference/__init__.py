"""A slow and obvious second engine: one person at a time, in dicts, lists and loops.

It shares with the package only what is no part of a day: the parameters, the built world, the
constants of a market, the types of orders, feed functions and what
events make of a market.  `test_reference` demands the same bits of both.
"""
