package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// migrated says what became of the schema of a trail.
type migrated struct {
	// Store is where the trail is, without a password.
	Store string `json:"store"`
	// Version is that of the schema as it is now; 0 is a trail that is not there.
	Version int `json:"version"`
	// Newest is the version that this program needs.
	Newest int `json:"newest"`
	// Pending are the migrations that the trail lacks.
	Pending []migration `json:"pending"`
	// Applied are those that were applied now.
	Applied []migration `json:"applied"`
}

// migration is one step of a schema.
type migration struct {
	// Version is what the schema is after it.
	Version int `json:"version"`
	// Name is what the step is called.
	Name string `json:"name"`
}

func (p *Program) migrateCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:     "migrate",
		GroupID: "keep",
		Short:   "Bring the schema of the trail up to date",
		Long: `Brings the schema of the trail up to date, under a lock and in one transaction:
it is of the new version whole or of the old one whole, and many may do it at
once. Every command does so when it opens a trail, and says on standard error what
it does if that takes longer than a moment; this one is for those who let
only somebody with more rights change a schema, and run the server with
--no-migrate.

With --dry-run it only says what it would do, and changes nothing. A schema that
is newer than this program is an error: update the program first.`,
		Example: `  whodid migrate --dry-run
  whodid migrate --store postgres://owner@db.example/trail`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			where, err := p.find()
			if err != nil {
				return err
			}
			before, err := store.Inspect(c.Context(), where.Location)
			if err != nil {
				return unopened(err, where)
			}
			done := migrated{
				Store: where.String(), Version: before.Current, Newest: before.Newest,
				Pending: steps(before.Pending), Applied: []migration{},
			}
			if before.Current > before.Newest {
				return store.ErrNewer
			}
			if !dry && len(before.Pending) > 0 {
				s, err := openTold(p.remark)(c.Context(), where.Location)
				if err != nil {
					return err
				}
				if err := s.Close(); err != nil {
					return err
				}
				done.Version, done.Applied, done.Pending = before.Newest, done.Pending, []migration{}
			}
			return p.showMigrated(done)
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and change nothing")
	return c
}

func steps(list []store.Migration) []migration {
	out := make([]migration, len(list))
	for i, m := range list {
		out[i] = migration{Version: m.Version, Name: m.Name}
	}
	return out
}

func (p *Program) showMigrated(done migrated) error {
	if p.json {
		return p.printJSON(done)
	}
	for _, m := range done.Pending {
		fmt.Fprintf(p.Stdout, "would apply %s\n", m.Name)
	}
	for _, m := range done.Applied {
		fmt.Fprintf(p.Stdout, "applied %s\n", m.Name)
	}
	missing := "which is what this program needs"
	if n := len(done.Pending); n > 0 {
		missing = fmt.Sprintf("and lacks %s", term.Count(int64(n), "migration"))
	}
	fmt.Fprintf(p.Stdout, "the schema of %s is of version %d, %s\n", done.Store, done.Version, missing)
	return nil
}
