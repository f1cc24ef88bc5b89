"""net.tcp, over which services of .NET call each other: framing, binary XML, security, SOAP within; both sides."""
