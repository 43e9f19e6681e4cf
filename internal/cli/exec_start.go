package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/place"
)

// startLease is how long a run that a script tells of may be silent before it
// counts as lost: scripts don't report while they work.
const startLease = 24 * time.Hour

func (p *Program) execStartCommand() *cobra.Command {
	var agent, trigger, why, model, parent, at string
	var tagged []string
	lease := durationFlag(startLease)
	c := &cobra.Command{
		Use:   "start --agent SQUAD/AGENT",
		Short: "Record that a run began, and print its id",
		Long: `Records that a run of an agent began, and prints its id, which "exec finish"
and "action record" want. It is for scripts that can't be run by "whodid run",
which does all of this by itself and can't forget the end.

A run that is not finished when its lease runs out counts as lost.`,
		Example: `  id=$(whodid exec start --agent ops/backup --trigger scheduled)
  whodid exec start --agent eng/triage --trigger event:issues.labeled --json
  whodid exec start --agent eng/import --trigger manual --at 2026-11-01T08:00:00Z`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			kind, detail, err := startArguments(agent, trigger)
			if err != nil {
				return err
			}
			when, err := p.at(at)
			if err != nil {
				return err
			}
			labels, err := tags("--tag", tagged)
			if err != nil {
				return err
			}
			w, err := p.openPenTo(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			if parent == "" {
				parent = p.around()
			} else if parent, err = w.resolve(c.Context(), parent); err != nil {
				return err
			}
			s := &subject{execution: whodid.NewID(whodid.PrefixExecution), agent: agent, actor: whodid.AgentActor(agent)}
			s.onBehalf, s.behalfBy = w.person()
			start := s.event("execution.start", "start/"+s.execution, when)
			start.Why = why
			start.Data = startData(kind, detail, model, parent, time.Duration(lease))
			events := []whodid.Event{start}
			if len(labels) > 0 {
				tag := s.event("execution.tag", freshKey("tag"), when)
				tag.Data = labels
				events = append(events, tag)
			}
			if _, err := w.write(c.Context(), events...); err != nil {
				return err
			}
			if p.json {
				return p.printJSON(map[string]string{"execution_id": s.execution})
			}
			_, err = fmt.Fprintln(p.Stdout, s.execution)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&agent, "agent", "", "whose run it is, as squad/agent")
	f.StringVar(&trigger, "trigger", whodid.TriggerManual, "what started it: manual, scheduled, smart or event, with :DETAIL")
	f.StringVar(&why, "why", "", "why it was started")
	f.StringVar(&model, "model", "", "the model that is asked for")
	f.StringVar(&parent, "parent", "", "the run that started it, by the first letters of its id (default: the run around it)")
	f.StringArrayVar(&tagged, "tag", nil, "a tag, as name=value; may be repeated")
	f.StringVar(&at, "at", "", "when it began (default: now)")
	f.Var(&lease, "lease", "how long it may be silent before it counts as lost")
	return c
}

// startArguments checks what every start must have.
func startArguments(agent, trigger string) (kind, detail string, err error) {
	if agent == "" {
		return "", "", misuse(fmt.Errorf("whose run is it? --agent is missing"), "write, for example, --agent ops/backup")
	}
	if _, _, err := whodid.ParseAgent(agent); err != nil {
		return "", "", misuse(err, "write, for example, --agent ops/backup")
	}
	if kind, detail, err = whodid.ParseTrigger(trigger); err != nil {
		return "", "", misuse(err, "write, for example, --trigger event:issues.labeled")
	}
	return kind, detail, nil
}

// startData is the metadata that every start has; what is empty is left out.
func startData(kind, detail, model, parent string, lease time.Duration) whodid.Data {
	d := whodid.Data{"trigger": kind}
	for name, text := range map[string]string{"trigger_detail": detail, "model": model, "parent": parent} {
		if text != "" {
			d[name] = text
		}
	}
	if seconds := int64(lease / time.Second); seconds > 0 {
		d["lease_seconds"] = seconds
	}
	return d
}

// locate adds where a run works.
func locate(d whodid.Data, dir string) {
	d["cwd"] = dir // the recorder writes the home directory as ~
	if _, slug := place.Repository(dir); slug != "" {
		d["repository"] = slug
	}
}
