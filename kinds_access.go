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
		{
			Name: "passkey.register", Meaning: "A person registered a passkey of theirs, which the target names, to sign decisions with.",
			Class: ClassPermanent,
			Fields: []Field{
				signingKey(),
				{"public_key", String, Technical, "The public key as a line of SSH's: its type and base64."},
				{"credential_id", String, Technical, "Id that the authenticator gave the passkey, in hexadecimal."},
				{"sign_count", Int, Technical, "How often it had signed; 0 if it does not count."},
				{"backed_up", Bool, Technical, "True if whoever keeps it has copies of it, as synced passkeys have."},
				{"vouched_by", String, Technical, "Fingerprint of the person's passkey that vouches for it; missing for their first."},
				{"vouch", List, Technical, "Signature by which it vouches, as SSH makes it, in parts (SSHSIG, PEM)."},
			},
		},
		{
			Name: "passkey.revoke", Meaning: "A person made a passkey worthless from then on; why says the reason.",
			Class: ClassPermanent, Fields: []Field{signingKey()},
		},
		{
			Name: "view.read", Meaning: "Somebody asked the server; once a minute for the same question.",
			Class: ClassRun, Fields: viewFields(),
		},
		{
			Name: "view.export", Meaning: "Somebody verified or exported over the server; once a minute for the same.",
			Class: ClassRun, Fields: viewFields(),
		},
		{
			Name: "view.population", Meaning: "Somebody exported the whole population of a period.",
			Class: ClassPermanent,
			Fields: []Field{
				{"period_from", String, Technical, "First moment of the period (RFC 3339, UTC)."},
				{"period_to", String, Technical, "First moment after the period (RFC 3339, UTC)."},
				{"basis", String, Technical, "By which time events belong to it: happened or recorded."},
				{"formats", List, Technical, "Formats of its files."},
				{"row_count", Int, Technical, "How many rows it has."},
				{"size", Int, Technical, "Size of the log that it shows."},
				{"role", String, Technical, "The role in which it was done."},
				{"credential", String, Technical, "Id of the token or sign-in that was shown."},
				{"sums", String, Technical, "SHA-256 of the file with the sums of all its files, hexadecimal."},
			},
		},
		{
			Name: "settings.change", Meaning: "Somebody changed settings or tokens over the server.",
			Class: ClassPermanent, Fields: viewFields(),
		},
	}
}

func signingKey() Field {
	return Field{"signing_key", String, Technical, "Fingerprint of a key that signs, as ssh-keygen -l shows it."}
}

// viewFields say how somebody looked, and not at what.
func viewFields() []Field {
	return []Field{
		{"role", String, Technical, "The role in which it was done."},
		{"credential", String, Technical, "Id of the token or sign-in that was shown."},
		{"route", String, Technical, "The door of the server, as a pattern."},
		{"filter", String, Technical, "Digest of what was asked for; empty if nothing was said."},
	}
}
