"""What operators see and do: boards, alerts, presence, model switches."""
