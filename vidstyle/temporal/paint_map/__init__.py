"""The paint map: paint that moves with what it was painted on."""
