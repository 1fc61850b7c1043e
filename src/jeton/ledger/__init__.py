"""The double-entry ledger: chart, movements, lots, holds, journal. See README.md."""
