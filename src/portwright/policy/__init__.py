"""What an enforcement point does with a packet: stages, chains, rules; free of vendor syntax."""
