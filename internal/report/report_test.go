package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/report"
	"github.com/whodid/whodid/internal/term"
)

// show leaves what the tests make in a folder, to be looked at.
var show = flag.String("show", "", "write the reports of the tests into this folder")

// hostile is a name that nobody means well with.
const hostile = "\x1b[31mred\x07\u202egnp.exe\u2066 <script>alert(1)</script> \"'>&amp; |[a](javascript:x)|`b`\n# head\u00ad\ufeff 漢字 שלום "

func figure(value, before int64) ask.Figure {
	return ask.Figure{Value: value, Before: before, Trace: ask.Trace{
		Command: "whodid exec list --json 'is:run started:2026-11-16T00:00:00Z..2026-11-23T00:00:00Z'", Before: "whodid exec list --json 'is:run started:2026-11-09T00:00:00Z..2026-11-16T00:00:00Z'",
		Count: ask.CountRows, IDs: []string{}, IDsBefore: []string{},
	}}
}

func row(squad, agent string, scale int64) ask.ReportRow {
	r := ask.ReportRow{
		Squad: squad, Agent: agent, Goals: figure(scale*3, scale*2), Outcomes: figure(scale*5, scale*4), Pulls: figure(scale*3, scale*2), Issues: figure(scale*2, scale*2),
		Releases: figure(0, 0), Deploys: figure(0, 1), Runs: figure(scale*17, scale*15), Success: figure(scale*15, scale*12), Failed: figure(scale*2, scale*3),
		Cost: figure(scale*7_310_000, scale*6_120_000), CostUnknown: figure(scale/2, 0),
	}
	if scale > 0 {
		each, pull := r.Cost.Value/r.Outcomes.Value, r.Cost.Value/r.Pulls.Value
		r.CostPerOutcome, r.CostPerPull = ask.Rate{Value: &each, Before: &each}, ask.Rate{Value: &pull}
	}
	return r
}

// empty is a week in which nothing was.
func empty() *ask.Report {
	since := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	return &ask.Report{Kind: ask.PeriodWeek, Name: "2026-W47", Zone: "UTC", Since: since, Until: since.AddDate(0, 0, 7), BeforeSince: since.AddDate(0, 0, -7), Over: true, Total: row("", "", 0)}
}

// sample is a week of so many squads with so many agents each.
func sample(squads, agents int, name string) *ask.Report {
	r := empty()
	at := r.Since.Add(33 * time.Hour)
	total := int64(0)
	for s := range squads {
		for a := range agents {
			scale := int64((s*7+a*3)%11 + 1)
			total += scale
			r.Agents = append(r.Agents, row(fmt.Sprintf("squad-%d", s), fmt.Sprintf("squad-%d/%d-%s", s, a, name), scale))
		}
		r.Squads = append(r.Squads, row(fmt.Sprintf("squad-%d", s), "", int64(s+1)*int64(agents)))
	}
	r.Total = row("", "", total)
	for i := range 7 {
		day := r.Since.AddDate(0, 0, i)
		span := ask.ReportSpan{Since: day, Until: day.AddDate(0, 0, 1), Runs: figure(total, 0), Outcomes: figure(total*int64(i%5)/3, 0), Cost: figure(total*int64(7-i)*900_000, 0)}
		if i == 2 {
			span.CostUnknown = figure(2, 0)
		}
		r.Spans = append(r.Spans, span)
	}
	r.Claims = []ask.ReportClaim{{Type: "pr.merge", Claimed: figure(7, 3), Confirmed: figure(5, 3), Contradicted: figure(1, 0), Unknown: figure(1, 0)}}
	for _, kind := range []string{ask.FoundException, ask.FoundUnapproved, ask.FoundBudget, ask.FoundGap} {
		f := ask.ReportFindings{Kind: kind, Count: figure(int64(squads*agents), 2)}
		for i := range squads * agents {
			f.Items = append(f.Items, ask.ReportFinding{
				At: &at, Agent: fmt.Sprintf("squad-%d/%s", i%squads, name), Subject: "exec-7k2m9q4tz8w1c3ab", ID: "evt-2tt74rtjfyy9y93sgr59cm6nf4",
				Detail: "deploy.production acme/shop (OPS-010): it was done without an approval " + name,
			})
		}
		r.Findings = append(r.Findings, f)
	}
	for i := range min(squads*agents, 50) {
		r.Latest = append(r.Latest, ask.Achievement{EventID: "evt-3ngfkxjapyhrzffvvt5twdngje", Type: "pr.merge", Target: fmt.Sprintf("acme/shop#%d%s", i, name), At: at, Agent: "squad-0/a", By: ask.ByOpened})
	}
	return r
}

// samples are reports of every size, and one that means harm.
func samples() map[string]*ask.Report {
	return map[string]*ask.Report{
		"empty": empty(), "little": sample(2, 2, "solver-"), "much": sample(40, 25, "solver-"), "hostile": sample(2, 2, hostile+strings.Repeat("long-name-", 1000)),
	}
}

// formats are the renderers.
func formats() map[string]func(*ask.Report) ([]byte, error) {
	return map[string]func(*ask.Report) ([]byte, error){
		"txt": func(r *ask.Report) ([]byte, error) {
			var b bytes.Buffer
			env := map[string]string{term.ForceVariable: report.TextWidth(), "NO_COLOR": "1"}
			err := report.Text(report.Of(r), term.New(&b, func(name string) string { return env[name] }, time.Unix(0, 0)), true)
			return b.Bytes(), err
		},
		"md":   func(r *ask.Report) ([]byte, error) { return report.Markdown(report.Of(r), true), nil },
		"pdf":  func(r *ask.Report) ([]byte, error) { return report.PDF(report.Of(r), false) },
		"html": func(r *ask.Report) ([]byte, error) { return report.HTML(report.Of(r)), nil },
	}
}

// TestPDFSaysWhereNumbersComeFrom sees to it that with traces the file says it of every
// number, so that it has more pages than one that says it of the first few.
func TestPDFSaysWhereNumbersComeFrom(t *testing.T) {
	t.Parallel()
	pages := func(trace bool) int {
		file, err := report.PDF(report.Of(sample(5, 5, "solver-")), trace)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(file, []byte("/Type /Page\n"))
	}
	if few, all := pages(false), pages(true); few == 0 || all < few+2 {
		t.Errorf("%d pages with all sources, %d with few", all, few)
	}
}

// TestSameBytes sees to it that a report is the same file whenever it is made.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	for name, r := range samples() {
		for format, render := range formats() {
			first, err := render(r)
			if err != nil {
				t.Fatalf("%s as %s: %v", name, format, err)
			}
			second, err := render(r)
			if err != nil || !bytes.Equal(first, second) {
				t.Errorf("%s as %s is another file the second time (%v)", name, format, err)
			}
			if *show != "" {
				if err := os.WriteFile(filepath.Join(*show, name+"."+format), first, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
