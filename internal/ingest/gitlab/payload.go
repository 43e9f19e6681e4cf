package gitlab

import "github.com/whodid/whodid/internal/ingest/forge"

// payload is what of a delivery is read; of its texts only the runs that they
// name are kept.
type payload struct {
	Kind       string     `json:"object_kind"`
	User       user       `json:"user"`
	ProjectID  int64      `json:"project_id"`
	Project    project    `json:"project"`
	Attributes attributes `json:"object_attributes"`

	// Of a note: what it is about.
	Issue        *numbered `json:"issue"`
	MergeRequest *numbered `json:"merge_request"`

	// Of a push.
	Ref          string   `json:"ref"`
	Before       string   `json:"before"`
	After        string   `json:"after"`
	UserID       int64    `json:"user_id"`
	UserUsername string   `json:"user_username"`
	Commits      []commit `json:"commits"`
	Total        int64    `json:"total_commits_count"`

	// Of a deployment.
	Deployment  int64      `json:"deployment_id"`
	Status      string     `json:"status"`
	ChangedAt   forge.Time `json:"status_changed_at"`
	Environment string     `json:"environment"`
	CommitURL   string     `json:"commit_url"`

	// Of a release.
	ID         int64      `json:"id"`
	Action     string     `json:"action"`
	Tag        string     `json:"tag"`
	URL        string     `json:"url"`
	ReleasedAt forge.Time `json:"released_at"`
}

type user struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

type project struct {
	ID     int64  `json:"id"`
	Path   string `json:"path_with_namespace"`
	WebURL string `json:"web_url"`
}

type numbered struct {
	Number int64 `json:"iid"`
}

type commit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

// attributes are those of an issue, a merge request, a note or a pipeline.
type attributes struct {
	ID             int64      `json:"id"`
	Number         int64      `json:"iid"`
	Action         string     `json:"action"`
	Status         string     `json:"status"`
	Description    string     `json:"description"`
	AuthorID       int64      `json:"author_id"`
	URL            string     `json:"url"`
	Draft          bool       `json:"draft"`
	OldRevision    string     `json:"oldrev"`
	SourceBranch   string     `json:"source_branch"`
	TargetBranch   string     `json:"target_branch"`
	MergeCommitSHA string     `json:"merge_commit_sha"`
	LastCommit     commit     `json:"last_commit"`
	System         bool       `json:"system"`
	Ref            string     `json:"ref"`
	SHA            string     `json:"sha"`
	Source         any        `json:"source"` // of a pipeline what started it, of a merge request a project
	CreatedAt      forge.Time `json:"created_at"`
	UpdatedAt      forge.Time `json:"updated_at"`
	ClosedAt       forge.Time `json:"closed_at"`
	MergedAt       forge.Time `json:"merged_at"`
	FinishedAt     forge.Time `json:"finished_at"`
}
