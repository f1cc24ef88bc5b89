"""NTLM ([MS-NLMP]), version 2: what Windows signs in by where Kerberos gives no ticket."""
