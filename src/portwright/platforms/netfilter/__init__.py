"""What the readers of nftables and iptables share: the same kernel runs the rules of both."""
