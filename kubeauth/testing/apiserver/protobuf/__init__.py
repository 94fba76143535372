"""Bodies of requests in Kubernetes' protobuf."""
