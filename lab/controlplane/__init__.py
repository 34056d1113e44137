"""Runs a real Kubernetes on loopback: etcd, kube-apiserver, kube-controller-manager and kwok."""
