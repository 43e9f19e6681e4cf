package ask

// GitIndex is the answer of reading repositories into the trail.
type GitIndex struct {
	Repositories []GitIndexed `json:"repositories"`
}

// GitIndexed is what reading one repository gave.
type GitIndexed struct {
	// Repository is its identity: "host/owner/name", or "root/" and the id of
	// its first commit.
	Repository string `json:"repository"`
	// Refs is how many different commits its refs stand at.
	Refs int `json:"refs"`
	// Commits were read now, Attributed of them name an agent, Named of them an
	// execution. Events are those that the trail did not hold yet.
	Commits    int `json:"commits"`
	Attributed int `json:"attributed"`
	Named      int `json:"named"`
	Events     int `json:"events"`
	// Cut counts messages that were too long to be read whole.
	Cut int `json:"cut"`
	// Shallow and Partial say that the clone lacks history, or files.
	Shallow bool `json:"shallow"`
	Partial bool `json:"partial"`
}
