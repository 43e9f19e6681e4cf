package whodid

// accessKinds are about who may use the trail, and who did.
func accessKinds() []Kind {
	return []Kind{
		{
			Name: "token.create", Meaning: "Somebody made an API token; the secret itself is nowhere in the trail.",
			Class: ClassPermanent,
			Fields: []Field{
				{"token", String, Technical, "Id of the token."},
				{"role", String, Technical, "What it may do: recorder, reader, approver, auditor or admin."},
				{"squads", List, Technical, "The only squads that it is for."},
				{"agent", String, Technical, "The only agent that it records."},
				{"expires", String, Technical, "First moment at which it is worth nothing (RFC 3339, UTC)."},
			},
		},
		{
			Name: "token.revoke", Meaning: "Somebody made an API token worthless.",
			Class:  ClassPermanent,
			Fields: []Field{{"token", String, Technical, "Id of the token."}},
		},
	}
}
