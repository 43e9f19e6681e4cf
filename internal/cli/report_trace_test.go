package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
)

// traces is a program of scripts: it reads the JSON of a report, goes after every
// number in it as the report says it can be, and ends with an error if what is
// found makes another number. With the word "squads" behind the file it leaves
// out agents and days.
func traces() int {
	p := scriptProgram()
	f := follower{program: p, known: map[string][]map[string]any{}}
	b, err := os.ReadFile(os.Args[1])
	var r ask.Report
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err == nil {
		err = f.report(&r, len(os.Args) > 2 && os.Args[2] == "squads")
	}
	if err != nil {
		p.complain(err)
		return ExitError
	}
	fmt.Fprintf(p.Stdout, "%d numbers, %d commands\n", f.numbers, len(f.known))
	return ExitOK
}

// follower goes after numbers.
type follower struct {
	program *Program
	numbers int
	known   map[string][]map[string]any // rows by command
	wrong   []error
}

func (f *follower) report(r *ask.Report, squadsOnly bool) error {
	rows := append([]ask.ReportRow{r.Total}, r.Squads...)
	if !squadsOnly {
		rows = append(rows, r.Agents...)
	}
	for i := range rows {
		x := &rows[i]
		name := strings.TrimSpace("row " + x.Squad + " " + x.Agent)
		for what, figure := range map[string]*ask.Figure{
			"goals": &x.Goals, "outcomes": &x.Outcomes, "pulls": &x.Pulls, "issues": &x.Issues, "releases": &x.Releases, "deploys": &x.Deploys,
			"runs": &x.Runs, "success": &x.Success, "failed": &x.Failed, "cost": &x.Cost, "unknown": &x.CostUnknown,
		} {
			f.follow(name+": "+what, figure)
		}
	}
	for i := range r.Spans {
		if s := &r.Spans[i]; !squadsOnly {
			for what, figure := range map[string]*ask.Figure{"runs": &s.Runs, "outcomes": &s.Outcomes, "cost": &s.Cost, "unknown": &s.CostUnknown} {
				f.follow(s.Since.String()+": "+what, figure)
			}
		}
	}
	for i := range r.Claims {
		c := &r.Claims[i]
		for what, figure := range map[string]*ask.Figure{
			"claimed": &c.Claimed, "confirmed": &c.Confirmed, "contradicted": &c.Contradicted, "unconfirmed": &c.Unconfirmed, "unknown": &c.Unknown,
		} {
			f.follow(c.Type+" "+what, figure)
		}
	}
	for i := range r.Findings {
		if x := &r.Findings[i]; x.Count.Trace.Count != "" {
			f.follow(x.Kind, &x.Count)
		}
	}
	return errors.Join(f.wrong...)
}

// follow goes after a number, and after what it was before.
func (f *follower) follow(name string, x *ask.Figure) {
	for _, one := range []struct {
		when, command string
		want          int64
		ids           []string
	}{{"now", x.Trace.Command, x.Value, x.Trace.IDs}, {"before", x.Trace.Before, x.Before, x.Trace.IDsBefore}} {
		if one.command == "" && one.when == "before" && x.Trace.Command != "" && one.want == 0 {
			continue // a day has none before
		}
		f.numbers++
		got, err := f.count(one.command, x.Trace.Count, one.ids)
		if err == nil && got != one.want {
			err = fmt.Errorf("the report says %d, and %q gives %d", one.want, one.command, got)
		}
		if err != nil {
			f.wrong = append(f.wrong, fmt.Errorf("%s, %s: %w", name, one.when, err))
		}
	}
}

// count is what the rows of a command, or the ids, make up.
func (f *follower) count(command, count string, ids []string) (int64, error) {
	if command == "" {
		return int64(len(ids)), f.exist(ids)
	}
	rows, err := f.rows(command)
	if err != nil {
		return 0, err
	}
	how, field, _ := strings.Cut(count, " ")
	field = strings.TrimPrefix(field, "of ")
	switch how {
	case "rows":
		return int64(len(rows)), nil
	case "sum":
		sum := int64(0)
		for _, row := range rows {
			n, ok := row[field].(json.Number)
			if !ok {
				return 0, fmt.Errorf("a row has no number %q", field)
			}
			v, err := n.Int64()
			if err != nil {
				return 0, err
			}
			sum += v
		}
		return sum, nil
	case "different":
		values := map[string]bool{}
		for _, row := range rows {
			if v, ok := row[field].(string); !ok {
				return 0, fmt.Errorf("a row has no text %q", field)
			} else if v != "" {
				values[v] = true
			}
		}
		return int64(len(values)), nil
	default:
		return 0, fmt.Errorf("nobody knows how to count %q", count)
	}
}

// rows are what a command lists, as a user would see it who pastes it into a shell.
func (f *follower) rows(command string) ([]map[string]any, error) {
	if rows, ok := f.known[command]; ok {
		return rows, nil
	}
	words, filter, ok := strings.Cut(strings.TrimPrefix(command, "whodid "), " '")
	if !ok || !strings.HasSuffix(filter, "'") {
		return nil, fmt.Errorf("%q is no command with a filter", command)
	}
	args := append(strings.Fields(words), strings.ReplaceAll(strings.TrimSuffix(filter, "'"), `'\''`, "'"))
	p := *f.program
	var out, complaints bytes.Buffer
	p.Stdout, p.Stderr = &out, &complaints
	if code := p.Run(context.Background(), args); code != ExitOK {
		return nil, fmt.Errorf("%q ends with %d: %s", command, code, complaints.String())
	}
	dec := json.NewDecoder(&out)
	dec.UseNumber()
	var answer map[string][]map[string]any
	if err := dec.Decode(&answer); err != nil {
		return nil, fmt.Errorf("%q: %w", command, err)
	}
	for _, rows := range answer {
		f.known[command] = rows
	}
	return f.known[command], nil
}

// exist sees to it that ids are those of events or approvals, each once.
func (f *follower) exist(ids []string) error {
	p := *f.program
	p.org = store.DefaultOrg
	if len(ids) == 0 {
		return nil
	}
	ctx := context.Background()
	t, err := p.openOnly(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			return fmt.Errorf("%s is there twice", id)
		}
		seen[id] = true
		if strings.HasPrefix(id, "appr-") {
			_, err = t.asker.ResolveApproval(ctx, id)
		} else {
			_, err = t.asker.Event(ctx, id, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
