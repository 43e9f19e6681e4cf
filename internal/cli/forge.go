package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/backfill"
	"github.com/whodid/whodid/internal/connections"
	"github.com/whodid/whodid/internal/ingest/forge"
	"github.com/whodid/whodid/internal/ingest/gitlab"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) forgeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "forge",
		GroupID: "record",
		Short:   "List the webhooks of forges, and read what they failed to deliver",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.forgeListCommand(), p.forgeBackfillCommand())
	return c
}

func (p *Program) forgeListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the repositories whose webhooks were heard of",
		Long: `Lists each repository of which a webhook delivered something, since when, and its
last delivery. From then on an action that the forge does not tell of within an
hour counts as unconfirmed, until the webhook is taken away: at GitHub, which says
so, or in the file of connections, which the server sees when it starts.`,
		Example: `  whodid forge list
  whodid forge list --json | jq '.hooks[].last_at'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(c.Context(), p, (*ask.Asker).Hooks, p.printWebhooks)
		},
	}
}

func (p *Program) printWebhooks(list *ask.HookList) error {
	o := p.out()
	if len(list.Hooks) == 0 {
		p.advise(o, "No webhook was heard of. How to set one up: docs/forges.md")
		return nil
	}
	table := o.Table(term.Column{Title: "FORGE", Whole: true}, term.Column{Title: "HOOK", Whole: true}, term.Column{Title: "REPOSITORY"},
		term.Column{Title: "SINCE", Whole: true}, term.Column{Title: "LAST", Whole: true}, term.Column{Title: "TOLD", Whole: true}, term.Column{Title: "GONE", Whole: true})
	for i := range list.Hooks {
		h := &list.Hooks[i]
		table.Row(term.Text(h.Forge), term.Text(h.Hook), term.Text(h.Repository), term.Text(o.Time(&h.Since)), term.Text(o.Time(h.LastAt)), term.Text(h.LastWhat), term.Text(optionalTime(o, h.GoneAt)))
	}
	return table.Write()
}

// backfilled says what a backfill read.
type backfilled struct {
	Repository string    `json:"repository"`
	Since      time.Time `json:"since"`
	// Read counts the facts that the forge told, New those that the trail lacked.
	Read int `json:"read"`
	New  int `json:"new"`
	// Waits counts how often a limit of the forge was waited for.
	Waits int `json:"waits"`
	// Complete is false if the forge's limit ended it before all was read.
	Complete bool `json:"complete"`
}

func (p *Program) forgeBackfillCommand() *cobra.Command {
	var repository, since, connected, hook, address, tokenFile string
	var patience time.Duration
	c := &cobra.Command{
		Use:   "backfill github|gitlab",
		Short: "Read from a forge's API what its webhooks failed to deliver",
		Long: `Reads issues, pull requests, reviews, comments, pushes, workflow runs,
deployments and releases of a repository from GitHub's API, or issues, merge
requests with their approvals, pushes, pipelines and deployments from GitLab's,
and takes in what the trail lacks. What a webhook has told already is the same
fact and is not told twice, so that it may be run again and again.

The token comes from --token-file, from the webhook that --hook names in the file
of connections, or from WHODID_FORGE_TOKEN. It needs no more than to read the
repository; on GitLab that is the scope read_api. Where the forge limits how much
may be asked, it waits, up to --patience. --url is the address of a GitLab of your
own, or of the API of a GitHub of your own.

It ends with status 6 if the limit ended it: run it again later.`,
		Example: `  WHODID_FORGE_TOKEN=$(gh auth token) whodid forge backfill github --repo acme/shop --since 7d
  whodid forge backfill github --repo acme/shop --since yesterday --connections connections.toml --hook shop
  whodid forge backfill gitlab --repo group/shop --since 7d --url https://gitlab.example --token-file gitlab.token`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			from, err := p.since("since", since)
			if err != nil {
				return err
			}
			if repository == "" || from.IsZero() {
				return usageError("--repo and --since are needed, such as --repo acme/shop --since 7d")
			}
			if args[0] != "github" && args[0] != "gitlab" {
				return usageError("%q is no forge that can be read: github or gitlab", args[0])
			}
			file, err := p.connections(connected)
			if err != nil {
				return err
			}
			w, err := p.webhookOf(file, args[0], hook)
			if err != nil {
				return err
			}
			if w, err = p.reached(w, address, tokenFile); err != nil {
				return err
			}
			return p.forgeBackfill(c.Context(), w, repository, from, patience)
		},
	}
	c.Flags().StringVar(&repository, "repo", "", "the repository: `OWNER/NAME`, on GitLab group/project")
	c.Flags().StringVar(&since, "since", "7d", "from this `TIME` on: 7d, 30m, yesterday, 2026-11-01 or 2026-11-01T08:00:00Z")
	c.Flags().StringVar(&connected, "connections", "", "the `FILE` of webhooks (WHODID_CONNECTIONS)")
	c.Flags().StringVar(&hook, "hook", "", "the `NAME` of the webhook in that file whose token, address and accounts are used")
	c.Flags().StringVar(&address, "url", "", "the `ADDRESS` of the forge, if it is not github.com or gitlab.com (WHODID_FORGE_API)")
	c.Flags().StringVar(&tokenFile, "token-file", "", "the `FILE` that holds the token for the forge")
	c.Flags().DurationVar(&patience, "patience", 15*time.Minute, "how long to wait at most for a limit of the forge to pass: a `DURATION`")
	return c
}

// webhookOf is the webhook of that name, or one with a token from the environment.
func (p *Program) webhookOf(file *connections.File, kind, name string) (*connections.Webhook, error) {
	for i := range file.Webhooks {
		if w := &file.Webhooks[i]; name != "" && w.Name == name && w.Forge == kind {
			return w, nil
		}
	}
	if name != "" {
		return nil, usageError("--hook: there is no webhook %q of %s in the file of connections", name, kind)
	}
	w := &connections.Webhook{Forge: kind, API: p.Env("WHODID_FORGE_API")}
	if token := p.Env("WHODID_FORGE_TOKEN"); token != "" {
		w.Token = connections.NewSecret(token)
	}
	return w, nil
}

// reached is the webhook with the address and the token that flags say.
func (p *Program) reached(w *connections.Webhook, address, tokenFile string) (*connections.Webhook, error) {
	changed := *w
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, usageError("--url: write, for example, --url https://gitlab.example")
		}
		changed.API = address
	}
	if tokenFile != "" {
		if !filepath.IsAbs(tokenFile) {
			tokenFile = filepath.Join(p.Dir, tokenFile)
		}
		b, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, fmt.Errorf("couldn't read the token: %w", err)
		}
		changed.Token = connections.NewSecret(strings.TrimSpace(string(b)))
	}
	return &changed, nil
}

func (p *Program) forgeBackfill(ctx context.Context, w *connections.Webhook, repository string, since time.Time, patience time.Duration) error {
	t, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	agents := make(map[string]string, len(w.Agents))
	for login, agent := range w.Agents {
		if _, _, err := whodid.ParseAgent(agent); err != nil {
			return &exitError{code: ExitUsage, err: err}
		}
		agents[strings.ToLower(login)] = agent
	}
	read := backfill.GitHub
	if w.Forge == gitlab.Source {
		read = backfill.GitLab
	}
	counts, err := read(ctx, backfill.Options{
		Repository: repository, Since: since, API: w.API, Token: w.Token.Value(), Patience: patience, Now: time.Now,
		Forge: forge.Options{Pseudonym: t.ring.Pseudonym, Agents: agents},
		Known: func(ctx context.Context, target string) (backfill.Known, error) {
			pull, err := t.asker.Pull(ctx, target)
			if errors.Is(err, store.ErrNotFound) {
				return backfill.Known{}, nil
			}
			if err != nil {
				return backfill.Known{}, err
			}
			return pullKnown(pull), nil
		},
		Take: func(ctx context.Context, facts []whodid.Event) (int, error) {
			rows, err := t.recorder.RecordValid(ctx, facts)
			return len(rows), err
		},
		Sleep: func(ctx context.Context, d time.Duration) error {
			if d > 10*time.Second {
				fmt.Fprintf(p.Stderr, "whodid: the forge asks to wait for %s\n", d.Round(time.Second))
			}
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	limited := errors.Is(err, backfill.ErrLimited)
	if err != nil && !limited {
		return err
	}
	answer := backfilled{Repository: repository, Since: since.UTC(), Read: counts.Read, New: counts.New, Waits: counts.Waits, Complete: !limited}
	if p.json {
		if err := p.printJSON(answer); err != nil {
			return err
		}
	} else {
		p.out().Facts(fact("Read", term.Count(int64(counts.Read), "fact")), fact("New", strconv.Itoa(counts.New)))
	}
	if limited {
		return &exitError{code: ExitIncomplete, err: err}
	}
	return nil
}

// pullKnown is what a backfill must know of a pull request.
func pullKnown(pull *ask.Pull) backfill.Known {
	k := backfill.Known{Head: pull.Head}
	if pull.State == ask.PullClosed && pull.ClosedAt != nil {
		k.Closed = *pull.ClosedAt
	}
	for i := range pull.Reviews {
		if r := &pull.Reviews[i]; r.State == "approved" && !r.Dismissed {
			k.Approvers = append(k.Approvers, r.By)
		}
	}
	return k
}
