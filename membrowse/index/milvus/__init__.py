"""An index whose chunks, postings and vectors are kept in Milvus (Lite, a server or a cluster)."""
