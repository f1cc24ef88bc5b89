"""The Tabular Data Stream ([MS-TDS]), which SQL Server speaks: both sides, version 7.2 to 7.4."""
