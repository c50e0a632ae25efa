"""Tests of devtools: servers, runs, rules."""
