"""What several tests share: practice servers, drawn events, engines, campaigns."""
