"""Tests that break real processes and servers, and compare the rows with the client's own ledger."""
