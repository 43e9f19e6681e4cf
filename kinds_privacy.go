package whodid

// PrivacyAsks are what people may ask for: erase is that they are forgotten, export
// that they are shown what is known of them.
func PrivacyAsks() []string { return []string{"erase", "export"} }

// privacyKinds are what was asked for and done about personal data. What was done
// says not of whom.
func privacyKinds() []Kind {
	answers := Field{"request", String, Technical, "The request that this answers, as an event id."}
	return []Kind{
		{
			Name: "privacy.request", Meaning: "Somebody, the target, asked what the trail holds of them or to be forgotten; its time is when that was received, why is a note. The target are pseudonyms, and goes with the note when the person is erased.",
			Class: ClassPermanent,
			Fields: []Field{
				{"asked", String, Technical, "What they ask for: erase or export."},
				{"due", String, Technical, "Last moment at which an answer is in time (RFC 3339, UTC)."},
			},
		},
		{
			Name: "privacy.refuse", Meaning: "A request of the target, pseudonyms, was refused; why says the reason.",
			Class:  ClassPermanent,
			Fields: []Field{answers},
		},
		{
			Name: "privacy.erase", Meaning: "Values of events were erased on request; why says the reason. The events stay, with commitments in place of the values.",
			Class: ClassPermanent,
			Fields: []Field{
				{"selector", String, Technical, "What was asked for: person, execution or path."},
				{"event_count", Int, Technical, "How many events lost values."},
				{"fields", Int, Technical, "How many values they lost."},
				{"kinds", List, Technical, "How many events of each kind, as kind=number."},
				{"run_count", Int, Technical, "How many executions are told differently since."},
				{"commits", Int, Technical, "How many rows of the index of git lost values."},
				{"tokens", Int, Technical, "How many tokens lost their person, and were revoked."},
				{"names", Int, Technical, "How many rows of the table of people are gone."},
				{"logs", Int, Technical, "How many logs of runs are gone."},
				{"held", Int, Technical, "How many events a hold kept from being erased."},
				{"size", Int, Technical, "Size of the log before; only events below are concerned."},
				{"root", String, Technical, "Root of the log at that size, hexadecimal: it is the same after."},
				{"places", String, Technical, "SHA-256 of the list of what was erased, hexadecimal; the certificate has the list."},
				answers,
			},
		},
		{
			Name: "privacy.reapply", Meaning: "An older copy of the trail was restored, and what had been erased since was erased again.",
			Class: ClassPermanent,
			Fields: []Field{
				{"erasures", List, Technical, "The requests, as event ids."},
				{"event_count", Int, Technical, "How many events lost values."},
			},
		},
		{
			Name: "privacy.export", Meaning: "What the trail holds of a person was exported.",
			Class: ClassPermanent,
			Fields: []Field{
				{"event_count", Int, Technical, "How many events."},
				{"run_count", Int, Technical, "How many executions."},
				answers,
			},
		},
		{
			Name: "privacy.anonymize", Meaning: "A copy of the trail without personal data was made, to be shared.",
			Class: ClassPermanent,
			Fields: []Field{
				{"event_count", Int, Technical, "How many events."},
				{"size", Int, Technical, "Size of the log that was copied."},
			},
		},
		{
			Name: "privacy.name", Meaning: "Somebody gave the target, a pseudonym, a name in the table of people.",
			Class: ClassPermanent,
		},
		{
			Name: "privacy.forget", Meaning: "The name of the target, a pseudonym, was taken out of the table of people.",
			Class: ClassPermanent,
		},
	}
}
