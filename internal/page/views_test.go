package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestSavedViews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 5)
	form := func(pairs ...string) url.Values {
		f := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return f
	}
	for _, step := range []struct {
		name, as, path string
		form           url.Values
		header         []string
		want           int
	}{
		{"no name", "reader", "/views", form("query", "q=x"), nil, http.StatusUnprocessableEntity},
		{"a long name", "reader", "/views", form("name", strings.Repeat("x", 61), "query", "q=x"), nil, http.StatusUnprocessableEntity},
		{"no question", "reader", "/views", form("name", "x", "query", "q=%zz"), nil, http.StatusUnprocessableEntity},
		{"another site", "reader", "/views", form("name", "x", "query", "q=x"), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"a recorder", "recorder", "/views", form("name", "x", "query", "q=x"), nil, http.StatusForbidden},
		{"one's own", "reader", "/views", form("name", "went wrong", "query", "q=status%3Afailed&after=zz&format=json&since="), nil, http.StatusSeeOther},
		{"for everybody", "reader", "/views", form("name", "last day", "query", "since=1d&cols=cost&cols=why", "shared", "1"), nil, http.StatusSeeOther},
		{"of some squads", "eng", "/views", form("name", "of eng", "query", "q=agent%3Aeng%2F*", "shared", "1"), nil, http.StatusSeeOther},
		{"a name that is taken", "reader", "/views/change", form("from", "went wrong", "name", "last day"), nil, http.StatusConflict},
		{"another's", "approver", "/views/change", form("from", "last day", "name", "mine"), nil, http.StatusNotFound},
		{"a new name", "reader", "/views/change", form("from", "went wrong", "name", "<b>broken</b>"), nil, http.StatusSeeOther},
		{"deleting another's", "approver", "/views/delete", form("owner", "human:preader", "name", "last day"), nil, http.StatusForbidden},
		{"deleting what is not seen", "admin", "/views/delete", form("owner", "human:preader", "name", "<b>broken</b>"), nil, http.StatusNotFound},
	} {
		if a := w.post(t, step.as, step.path, step.form, step.header...); a.Code != step.want {
			t.Errorf("%s: %d, want %d\n%.600s", step.name, a.Code, step.want, a.Body)
		}
	}
	// What is kept is the filter, the time and the columns; it opens by a plain link.
	mine := w.get(t, "reader", "/executions?q=status:failed").Body.String()
	for _, want := range []string{`<a href="/executions?q=status%3Afailed" aria-current="true"><bdi class="clip">&lt;b&gt;broken&lt;/b&gt;`, `/executions?cols=cost&amp;cols=why&amp;since=1d`} {
		if !strings.Contains(mine, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for as, want := range map[string]string{"reader": "[<b>broken</b> last day]", "approver": "[last day]", "eng": "[of eng]", "other": "[]"} {
		var got []string
		var list []struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(w.get(t, as, "/views?format=json").Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			got = append(got, v.Name)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s sees %v, want %s", as, got, want)
		}
	}
	if a := w.post(t, "admin", "/views/delete", form("owner", "human:preader", "name", "last day")); a.Code != http.StatusSeeOther {
		t.Errorf("an administrator does not delete what is shared: %d", a.Code)
	}
	if body := w.get(t, "approver", "/views").Body.String(); strings.Contains(body, "last day") {
		t.Error("it is still there")
	}
	for i := range 99 {
		w.post(t, "reader", "/views", form("name", fmt.Sprint("view ", i), "query", ""))
	}
	if a := w.post(t, "reader", "/views", form("name", "one more", "query", "")); a.Code != http.StatusUnprocessableEntity {
		t.Errorf("more views than are any help: %d", a.Code)
	}
	if a := w.post(t, "reader", "/views", form("name", "view 7", "query", "q=x")); a.Code != http.StatusSeeOther {
		t.Errorf("in the place of another: %d", a.Code)
	}
}
