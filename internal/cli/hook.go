package cli

import (
	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/hook"
)

func (p *Program) hookCommand() *cobra.Command {
	var required bool
	var agent string
	c := &cobra.Command{
		Use:     "hook",
		GroupID: "record",
		Short:   "Record one call of an agent's hook from standard input",
		Long: `Records what an agent tells its hook: one JSON object on standard input. Agents
call it on every tool call; "whodid init" installs it. It only appends to the
spool, in about a millisecond, and never breaks the agent: whatever goes wrong
it exits with 0, unless --required says that what can't be recorded must not
happen.

Where a policy says that a person must decide (docs/approvals.md), it answers the
client before the tool is called: ask, deny, or allow under an approval.

The program whodid-hook does the same and starts faster.`,
		Example: `  echo '{"session_id":"s1","hook_event_name":"SessionStart","source":"startup","cwd":"/tmp"}' | whodid hook`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			call := hook.Call{
				Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr, Env: p.Env, Dir: p.Dir, Now: p.Now,
				Store: p.store, Agent: agent, Required: required, Sync: hook.StartSync,
				Gate: func(r *hook.Request) (hook.Answer, error) { return p.gate(c.Context(), r) },
			}
			if code := call.Run(); code != 0 {
				return &exitError{code: code}
			}
			return nil
		},
	}
	// An agent takes exit status 2 for a refusal: flags of another version must
	// not refuse its tools.
	c.FParseErrWhitelist.UnknownFlags = true
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{code: ExitOK, err: err} })
	c.Flags().BoolVar(&required, "required", false, "refuse the agent's action (exit 2) if it can't be recorded")
	c.Flags().StringVar(&agent, "agent", "", "whose sessions these are, as squad/agent, unless a run around them says it")
	c.AddCommand(p.hookGateCommand())
	return c
}
