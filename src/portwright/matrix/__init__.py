"""Flow matrices as firewall teams exchange them, CSV or Excel, into product files of the catalog."""
