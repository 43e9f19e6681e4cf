//go:build browser

package page_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestPictures takes a picture of every page, for people to look at: it runs where
// WHODID_PICTURES names a folder to put them into, and WHODID_ONLY may say which.
func TestPictures(t *testing.T) {
	out := os.Getenv("WHODID_PICTURES")
	if out == "" {
		t.Skip("WHODID_PICTURES names no folder")
	}
	type shot struct {
		Name   string `json:"name"`
		URL    string `json:"url"`
		Width  int    `json:"width,omitempty"`
		Height int    `json:"height,omitempty"`
		Scheme string `json:"scheme,omitempty"`
		Full   bool   `json:"full"`
		Script string `json:"script,omitempty"`
		Wait   int    `json:"wait,omitempty"`
	}
	none, much, names, many := newWorld(t, nil), newWorld(t, nil), newWorld(t, nil), newWorld(t, nil)
	much.fill(t, 160)
	much.stamped(t, runID(9))
	names.fill(t, 12)
	names.absurd(t)
	many.fill(t, 40)
	runs := 2000
	if n, err := strconv.Atoi(os.Getenv("WHODID_MANY")); err == nil {
		runs = n
	}
	many.crowd(t, runs)
	var shots []shot
	var muchURL string
	for _, w := range []struct {
		name string
		*world
	}{{"none", none}, {"names", names}, {"many", many}, {"much", much}} {
		w.as = "admin"
		s := httptest.NewServer(w.handler)
		t.Cleanup(s.Close)
		muchURL = s.URL
		for name, path := range w.pagesToLookAt(t) {
			if path == "" || w.name == "none" && strings.Contains(path, "exec-") {
				continue
			}
			shots = append(shots,
				shot{Name: name + "-" + w.name, URL: s.URL + path, Full: true},
				shot{Name: name + "-" + w.name + "-dark", URL: s.URL + path, Scheme: "dark"},
				shot{Name: name + "-" + w.name + "-narrow", URL: s.URL + path, Width: 390, Height: 844},
			)
		}
	}
	pin, err := json.Marshal(map[string]string{"key": much.Key})
	if err != nil {
		t.Fatal(err)
	}
	shots = append(shots, shot{
		Name: "proof-much", URL: muchURL + "/executions/" + runID(3), Height: 640, Wait: 5000,
		Script: "localStorage.setItem('whodid.pin', '" + string(pin) + "'); document.querySelector('[data-verify]').click(); document.querySelector('#proof').scrollIntoView()",
	})
	if only := os.Getenv("WHODID_ONLY"); only != "" {
		var kept []shot
		for _, s := range shots {
			for _, o := range strings.Split(only, ",") {
				if ok := strings.HasPrefix(s.Name, o); ok {
					kept = append(kept, s)
				}
			}
		}
		shots = kept
	}
	list, err := json.Marshal(shots)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "shots.mjs", out, string(list))
	cmd.Dir = "../../scripts/browser"
	said, err := cmd.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Fatal(err)
	}
}

// pagesToLookAt lists the pages by the names of their pictures; one that there is
// nothing for is empty.
func (w *world) pagesToLookAt(t *testing.T) map[string]string {
	return map[string]string{
		"incident": w.first(t, "/incidents", "/incidents/evt-"), "decision": w.first(t, "/memory", "/memory/evt-"), "approval": w.first(t, "/approvals", "/approvals/appr-"), "views": "/views",
		"file":       "/files?path=docs/cart.md",
		"executions": "/executions", "execution": "/executions/" + runID(3), "agents": "/agents", "agent": "/agents/eng/issue-solver", "cost": "/cost",
		"search": "/search?q=rounding", "why": "/why?q=" + runID(3), "files": "/files", "memory": "/memory", "approvals": "/approvals", "integrity": "/integrity?verify=1",
		"reports": "/reports", "incidents": "/incidents", "retention": "/retention", "access": "/access", "settings": "/settings", "missing": "/nothing", "whyempty": "/why",
	}
}
