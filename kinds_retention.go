package whodid

// retentionKinds are how long events are kept, what was swept when that was over,
// and what must stay all the same. They are kept for ever: they are what is left
// to say that, and why, something is gone.
func retentionKinds() []Kind {
	return []Kind{
		{
			Name: "retention.set", Meaning: "Somebody set how long events are kept, or confirmed it; the target is the profile.",
			Class: ClassPermanent,
			Fields: []Field{
				{"run_days", Int, Technical, "Days for which runs and actions are kept."},
				{"session_days", Int, Technical, "Days for which sessions are kept."},
			},
		},
		{
			Name: "retention.sweep", Meaning: "Events whose period was over were removed; their hashes stay in the log.",
			Class: ClassPermanent,
			Fields: []Field{
				{"policy", String, Technical, "Profile of the policy in force."},
				{"policy_version", Int, Technical, "How often a policy had been set by then."},
				{"policy_event", String, Technical, "Event that set it."},
				{"class", String, Technical, "Retention class that was swept."},
				{"cutoff", String, Technical, "First moment, by the trail's clock, whose events were not due (RFC 3339, UTC)."},
				{"gone_events", Int, Technical, "How many events were removed."},
				{"gone_executions", Int, Technical, "How many executions went with them."},
				{"first", Int, Technical, "Place in the log of the first of them."},
				{"last", Int, Technical, "Place in the log of the last of them."},
				{"root", String, Technical, "Root of the Merkle tree over their leaf hashes in the order of the log, hexadecimal (RFC 6962)."},
				{"tree_size", Int, Technical, "Size of the log before this event."},
				{"tree_root", String, Technical, "Root of the log before this event, hexadecimal."},
			},
		},
		{
			Name: "retention.tally", Meaning: "What is left to say of the runs of an agent in a month, the target, that were swept together.",
			Class: ClassPermanent,
			Fields: []Field{
				{"month", String, Technical, "Month in which they began, such as 2026-11; empty if that was not known."},
				{"runs", Int, Technical, "How many runs, without sub-agents."},
				{"success", Int, Technical, "How many of them succeeded."},
				{"failed", Int, Technical, "How many failed."},
				{"timeout", Int, Technical, "How many ran out of time."},
				{"cancelled", Int, Technical, "How many were cancelled."},
				{"lost", Int, Technical, "How many stopped reporting."},
				{"running", Int, Technical, "How many had no end that was told."},
				{"cost_micros", Int, Technical, "What is known of their cost, in millionths of a US dollar."},
				{"cost_unknown", Int, Technical, "How many runs the cost of is not wholly known."},
				{"input_tokens", Int, Technical, "What is known of their input tokens."},
				{"output_tokens", Int, Technical, "What is known of their output tokens."},
				{"tokens_unknown", Int, Technical, "How many runs the tokens of are not wholly known."},
			},
		},
		{
			Name: "hold.place", Meaning: "Somebody had events kept whatever the policy says; the target is what is held, why the reason.",
			Class: ClassPermanent,
		},
		{
			Name: "hold.release", Meaning: "Somebody ended a hold, the target; why says the reason.",
			Class: ClassPermanent,
		},
	}
}
