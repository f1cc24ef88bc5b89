"""Mail servers in a rehearsal: Exchange, SMTP, POP3, and the mailboxes behind them."""
