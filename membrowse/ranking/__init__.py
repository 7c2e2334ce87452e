"""Rank the chunks of one generation for a query: keyword, vector, fused and reranked.

This room knows neither where notes come from nor who asks, and writes to no index. Its stages are
plain blocking functions (`ranker.Ranker`), so the caller can show each result as it is done.
"""
