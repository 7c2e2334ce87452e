"""Query → rankings: keyword, vector, fused and reranked, of all chunks of one generation.

This room knows neither where notes come from nor who asks; it writes to no index. Its stages are
plain blocking functions (`pipeline.Ranker`), so that whoever runs them can show each as it is done.
"""
