package whodid

// telemetryKinds are what clients tell about themselves beside what they do:
// permissions, hooks, and which of their records arrived.
func telemetryKinds() []Kind {
	return []Kind{
		{
			Name: "permission.decide", Meaning: "A client decided whether a tool call may run; that its settings say a user did proves no person.",
			Class: ClassRun,
			Fields: []Field{
				{"tool", String, Technical, "Name of the client's tool."},
				{"call", String, Technical, "The client's id of the tool call."},
				{"decision", String, Technical, "What was decided: allow or deny."},
				{"decider", String, Technical, "By what, in the client's word: config, hook, user_permanent, user_temporary, user_abort, user_reject."},
				{"permission_mode", String, Technical, "The client's permission mode at the time."},
			},
		},
		{
			Name: "permission.change", Meaning: "A client asks for more or fewer permissions from now on.",
			Class: ClassRun,
			Fields: []Field{
				{"from", String, Technical, "The permission mode before."},
				{"to", String, Technical, "The permission mode after."},
			},
		},
		{
			Name: "hook.register", Meaning: "A client said that it will call a hook on an event.",
			Class: ClassRun,
			Fields: []Field{
				{"event", String, Technical, "The client's name of the event."},
				{"type", String, Technical, "Kind of hook, such as command or http."},
				{"scope", String, Technical, "Which settings it stands in."},
			},
		},
		{
			Name: "commit.link", Meaning: "A client said which commit a tool call made.",
			Class: ClassPermanent,
			Fields: []Field{
				{"sha", String, Technical, "Commit id."},
				{"call", String, Technical, "The client's id of the tool call."},
				{"branch", String, Linkable, "Branch."},
			},
		},
		{
			Name: "record.receive", Meaning: "Numbered records of a client's telemetry arrived; a number that no range holds is missing.",
			Class: ClassRun,
			Fields: []Field{
				{"first", Int, Technical, "The first number."},
				{"last", Int, Technical, "The last number."},
			},
		},
	}
}
