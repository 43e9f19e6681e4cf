package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/place"
)

// gitHookTimeout bounds how long a hook of git may take, whatever git or a
// database does; gitTrailTimeout how long the trail is waited for.
const (
	gitHookTimeout  = 10 * time.Second
	gitTrailTimeout = 2 * time.Second
)

func (p *Program) gitHookCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hook NAME [ARGUMENT…]",
		Short: "Do what is to be done in a hook of git",
		Long: `What the hooks of "whodid git install" call, and what the configuration of a
manager of hooks is to call. It never breaks a commit: whatever goes wrong, it
exits with 0. Only a subject that .whodid/config.toml refuses ends a commit, with
exit status 5.`,
		Example: `  whodid git hook commit-msg .git/COMMIT_EDITMSG`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			ctx, stop := context.WithTimeout(c.Context(), gitHookTimeout)
			defer stop()
			call := githook.Call{
				Name: args[0], Args: args[1:], Dir: p.Dir, Stdin: p.Stdin, Stderr: p.Stderr, Source: p.gitSource(),
			}
			err := call.Run(ctx)
			if errors.Is(err, githook.ErrRefused) {
				return &exitError{code: ExitPolicy}
			}
			if err != nil {
				p.complain(err)
			}
			return nil
		},
	}
}

// gitSource is where the origin of a commit that is made here is found out.
func (p *Program) gitSource() githook.Source {
	s := githook.Source{Env: place.Env(p.Env), Process: githook.Self()}
	where, err := p.find()
	if err != nil {
		return s // the environment may tell everything
	}
	s.Spool = where.Spool
	s.Trail = func(ctx context.Context, execution string) (githook.Known, bool) {
		if !isThere(where) {
			return githook.Known{}, false
		}
		ctx, stop := context.WithTimeout(ctx, gitTrailTimeout)
		defer stop()
		t, err := p.openStore(ctx)
		if err != nil {
			return githook.Known{}, false
		}
		defer t.close()
		x, err := t.store.Execution(ctx, p.org, execution)
		if err != nil {
			return githook.Known{}, false
		}
		return knownOf(x.Agent, x.Trigger, x.TriggerDetail, x.Model), true
	}
	return s
}

func knownOf(agent, trigger, detail, model string) githook.Known {
	k := githook.Known{Agent: agent, Model: model}
	if trigger != "" {
		k.Trigger = joinTrigger(trigger, detail)
	}
	return k
}
