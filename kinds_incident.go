package whodid

// incidentKinds are what people and agents did about an incident. They are kept
// for ever: an incident is what these add up to, and they are its chain of custody.
func incidentKinds() []Kind {
	return []Kind{
		{
			Name: "incident.open", Meaning: "Somebody opened an incident about the target; why is its title.",
			Class: ClassPermanent,
			Fields: []Field{
				{"severity", String, Technical, "How bad it is: low, medium, high or critical."},
				{"suspects", List, Technical, "Runs that most probably caused it as it was known then, the likeliest first."},
				{"sure", String, Technical, "How sure the first of them was: sure, likely, possible or weak; none if there was none."},
				{"holds", List, Technical, "Holds that were placed with it."},
				{"follows", String, Technical, "The earlier incident that it goes on from."},
				{"repository", String, Linkable, "Repository that it is about, as host/owner/name or owner/name."},
				{"commit", String, Technical, "Commit that it is about."},
				{"from", String, Technical, "From when on it was looked at (RFC 3339, UTC)."},
				{"until", String, Technical, "Up to when (RFC 3339, UTC)."},
				{"tree_size", Int, Technical, "Size of the log before this event."},
			},
		},
		{
			Name: "incident.note", Meaning: "Somebody noted something about an incident, the target; why is the note.",
			Class: ClassPermanent,
		},
		{
			Name: "incident.view", Meaning: "Somebody looked at an incident, the target; once a minute for the same person.",
			Class: ClassPermanent,
		},
		{
			Name: "incident.export", Meaning: "Somebody exported the bundle of an incident, the target.",
			Class: ClassPermanent,
			Fields: []Field{
				{"digest", String, Technical, "Digest of the bundle's list of files, as sha256: and hexadecimal digits."},
				{"files", Int, Technical, "How many files it lists."},
				{"bytes", Int, Technical, "How much they hold together."},
				{"withheld", List, Technical, "Fields of events that they do without."},
			},
		},
		{
			Name: "incident.close", Meaning: "A person closed an incident, the target; why says the reason.",
			Class:  ClassPermanent,
			Fields: []Field{{"holds", List, Technical, "Holds that were released with it."}},
		},
	}
}
