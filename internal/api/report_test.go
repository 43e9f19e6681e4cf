package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/ask"
)

// A reader gets the report of a week; who may see one squad gets nothing of others.
func TestReports(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		for _, agent := range []string{"eng/solver", "ops/backup"} {
			w.ok(nil, "admin", http.MethodPost, "/v1/events", fmt.Sprintf(`[{"actor":"agent:%[1]s","what":"execution.start","execution_id":"exec-00000000000000%[2]s","at":"2026-11-17T09:00:00Z"},`+
				`{"actor":"agent:%[1]s","what":"pr.merge","target":"acme/%[2]s#1","result":"success","execution_id":"exec-00000000000000%[2]s","at":"2026-11-17T09:10:00Z"},`+
				`{"actor":"agent:%[1]s","what":"budget.exceed","target":"BUD-1","result":"failed","execution_id":"exec-00000000000000%[2]s","at":"2026-11-17T09:10:00Z"}]`, agent, agent[:2]))
		}
		var all, some ask.Report
		w.ok(&all, "reader", http.MethodGet, "/v1/reports/weekly?week=2026-W47&zone=Europe/Berlin", "")
		if all.Total.Runs.Value != 2 || len(all.Squads) != 2 || all.Zone != "Europe/Berlin" || !all.Since.Equal(time.Date(2026, 11, 15, 23, 0, 0, 0, time.UTC)) {
			t.Errorf("the report: %+v", all)
		}
		w.ok(&some, "eng", http.MethodGet, "/v1/reports/weekly?week=2026-W47", "")
		if some.Total.Runs.Value != 1 || len(some.Agents) != 1 || some.Agents[0].Agent != "eng/solver" || len(some.OnlySquads) != 1 {
			t.Errorf("the report on one squad: %+v", some)
		}
		for i := range some.Findings {
			if f := &some.Findings[i]; f.Kind == ask.FoundBudget && f.Count.Value != 1 || f.Kind == ask.FoundOverdue {
				t.Errorf("the report on one squad tells of others: %+v", f)
			}
		}
		if b := w.call("eng", http.MethodGet, "/v1/reports/weekly?week=2026-W47", "").body; strings.Contains(string(b), "ops") {
			t.Errorf("the report on one squad names another: %s", b)
		}
		// Months and days are those of a zone at every door.
		for query, since := range map[string]time.Time{
			"month=2026-10&zone=Europe/Berlin":                    time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC),
			"month=2026-10":                                       time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
			"since=2026-11-16&until=2026-11-17&zone=Asia/Kolkata": time.Date(2026, 11, 15, 18, 30, 0, 0, time.UTC),
		} {
			var cost ask.Cost
			w.ok(&cost, "reader", http.MethodGet, "/v1/cost?"+query, "")
			var coverage ask.Reconciliation
			w.ok(&coverage, "reader", http.MethodGet, "/v1/reconcile?"+query, "")
			if cost.Since == nil || !cost.Since.Equal(since) || coverage.Since == nil || !coverage.Since.Equal(since) {
				t.Errorf("%s: cost since %v, coverage since %v, want %v", query, cost.Since, coverage.Since, since)
			}
		}
		var outcomes ask.AchievementList
		w.ok(&outcomes, "reader", http.MethodGet, "/v1/reports/outcomes?since=2026-11-16", "")
		if len(outcomes.Outcomes) != 0 {
			t.Errorf("nobody confirmed it, and it is an outcome: %+v", outcomes)
		}
		for path, want := range map[string]int{
			"/v1/reports/weekly?week=2026-47": 400, "/v1/reports/weekly?zone=Mars": 400, "/v1/reports/weekly?zone=Local": 400, "/v1/reports/monthly?month=10": 400,
			"/v1/cost?month=2026-10&zone=Mars": 400, "/v1/reconcile?zone=Local": 400, "/v1/reconcile?month=2026-10&since=7d": 400,
			"/v1/reports/outcomes?q=status:failed": 400, "/v1/reports/outcomes?as_of=x": 400,
		} {
			if a := w.call("reader", http.MethodGet, path, ""); a.status != want {
				t.Errorf("%s: %d %s, want %d", path, a.status, a.body, want)
			}
		}
		for path, known := range map[string]string{
			"/v1/reports/weekly?moth=1": `there is no parameter \"moth\": there are `, "/v1/catalogue?moth=1": `there is no parameter \"moth\": this operation takes none`,
		} {
			if a := w.call("reader", http.MethodGet, path, ""); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), known) {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if a := w.call("recorder", http.MethodGet, "/v1/reports/weekly", ""); a.status != http.StatusForbidden {
			t.Errorf("who only records gets a report: %d", a.status)
		}
	})
}
