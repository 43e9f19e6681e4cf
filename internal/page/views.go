package page

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// ViewStore keeps the views that people name: what it has acknowledged is on disk,
// and whoever else asks gets it. internal/store is the implementation.
type ViewStore interface {
	// SavedViews returns somebody's views, and those that others share if shared is
	// set, by name.
	SavedViews(ctx context.Context, org, owner string, shared bool) ([]whodid.SavedView, error)
	// SaveView keeps a view in the place of its owner's one of that name.
	SaveView(ctx context.Context, org string, v *whodid.SavedView) error
	// RenameView does nothing, and says so, if the owner has one of the other name.
	RenameView(ctx context.Context, org, owner, from, to string) (bool, error)
	DropView(ctx context.Context, org, owner, name string) (bool, error)
}

// maxViews is how many views somebody may have: more are no help.
const maxViews = 100

// viewsPage is which views there are to open, and to change.
type viewsPage struct {
	List []savedView
	// MayShare tells whether who asks sees what everybody sees.
	MayShare bool
}

// savedView is a view as it is shown.
type savedView struct {
	whodid.SavedView
	Link string
	// On says that it is what is shown, Mine that who asks saved it.
	On, Mine, MayDelete bool
	// Asks is what it asks for, by the names that addresses have for it.
	Asks url.Values
}

// views are the views that who asks may open. Who may see some squads only is not
// told what others look for.
func (r *request) views() ([]savedView, error) {
	if r.pages.options.Views == nil {
		return nil, nil
	}
	list, err := r.pages.options.Views.SavedViews(r.ctx, r.t.Org, r.id.Actor, r.mayShare())
	if err != nil {
		return nil, err
	}
	here := viewQuery(r.r.URL.Query())
	out := make([]savedView, 0, len(list))
	for i := range list {
		v := savedView{SavedView: list[i], Link: "/executions?" + list[i].Query, On: list[i].Query == here, Mine: list[i].Owner == r.id.Actor}
		if v.Asks, err = url.ParseQuery(v.Query); err != nil {
			return nil, err // only what can be read is saved
		}
		v.MayDelete = v.Mine || r.id.Role.May(auth.Administer)
		out = append(out, v)
	}
	return out, nil
}

func (r *request) mayShare() bool { return len(r.id.Squads) == 0 }

// viewQuery is the part of an address that a view keeps.
func viewQuery(q url.Values) string {
	kept := url.Values{}
	for _, key := range []string{"q", "since", "until", "cols"} {
		if values := slices.DeleteFunc(slices.Clone(q[key]), func(v string) bool { return strings.TrimSpace(v) == "" }); len(values) > 0 {
			kept[key] = values
		}
	}
	return kept.Encode()
}

func (r *request) savedViews() (*answer, error) {
	list, err := r.views()
	if err != nil {
		return nil, err
	}
	rows := make([]whodid.SavedView, len(list))
	for i := range list {
		rows[i] = list[i].SavedView
	}
	return &answer{title: "Saved views", page: &viewsPage{List: list, MayShare: r.mayShare()}, value: rows, rows: rows}, nil
}

// viewDeeds are what people do with their views.
func (p *Pages) viewDeeds() []server.Route {
	if p.options.Views == nil {
		return nil
	}
	const form = 16 << 10
	route := func(path string, do func(*request) (string, error)) server.Route {
		return server.Route{Pattern: "POST " + path, Needs: auth.Read, MaxBody: form, Handle: p.deed(do)}
	}
	return []server.Route{
		route("/views", (*request).saveView),
		route("/views/change", (*request).changeView),
		route("/views/delete", (*request).deleteView),
	}
}

func (r *request) form(name string) string { return strings.TrimSpace(r.r.PostFormValue(name)) }

func (r *request) saveView() (string, error) {
	q, err := url.ParseQuery(r.form("query"))
	if err != nil {
		return "", wrong(http.StatusUnprocessableEntity, "That is no question about runs.", "Save a view from the page of executions.")
	}
	v := &whodid.SavedView{Owner: r.id.Actor, Name: r.form("name"), Query: viewQuery(q), Shared: r.form("shared") != "" && r.mayShare(), SavedAt: r.now}
	if err := v.Validate(); err != nil {
		return "", err
	}
	mine, err := r.pages.options.Views.SavedViews(r.ctx, r.t.Org, r.id.Actor, false)
	if err != nil {
		return "", err
	}
	if len(mine) >= maxViews && !slices.ContainsFunc(mine, func(m whodid.SavedView) bool { return m.Name == v.Name }) {
		return "", wrong(http.StatusUnprocessableEntity, "You have "+digits(maxViews)+" views already.", "Delete one that you do not need any more.")
	}
	return "/executions?" + v.Query, r.pages.options.Views.SaveView(r.ctx, r.t.Org, v)
}

// changeView gives a view of who asks another name, and shares it or no longer.
func (r *request) changeView() (string, error) {
	mine, err := r.pages.options.Views.SavedViews(r.ctx, r.t.Org, r.id.Actor, false)
	if err != nil {
		return "", err
	}
	from := r.form("from")
	i := slices.IndexFunc(mine, func(v whodid.SavedView) bool { return v.Name == from })
	if i < 0 {
		return "", wrong(http.StatusNotFound, "You have no view of this name.", "Look at your views again.")
	}
	v := mine[i]
	v.Name, v.Shared = r.form("name"), r.form("shared") != "" && r.mayShare()
	if err := v.Validate(); err != nil {
		return "", err
	}
	if v.Name != from {
		done, err := r.pages.options.Views.RenameView(r.ctx, r.t.Org, r.id.Actor, from, v.Name)
		if err != nil {
			return "", err
		}
		if !done {
			return "", wrong(http.StatusConflict, "You have a view of this name.", "Choose another name.")
		}
	}
	return "/views", r.pages.options.Views.SaveView(r.ctx, r.t.Org, &v)
}

// deleteView deletes a view of who asks; an administrator may delete one that
// somebody shares.
func (r *request) deleteView() (string, error) {
	owner, name := r.form("owner"), r.form("name")
	all, err := r.views()
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(v savedView) bool { return v.Owner == owner && v.Name == name })
	switch {
	case i < 0:
		return "", wrong(http.StatusNotFound, "There is no such view.", "Look at the views again.")
	case !all[i].MayDelete:
		return "", wrong(http.StatusForbidden, "This view is somebody else's.", "Ask them, or an administrator.")
	}
	_, err = r.pages.options.Views.DropView(r.ctx, r.t.Org, owner, name)
	return "/views", err
}
