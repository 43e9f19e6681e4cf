// Package page shows the trail to people with a browser: the same questions as
// the command line's, rendered on the server, readable without JavaScript, and
// checked in the browser itself where somebody asks for proof. "whodid ui" and
// "whodid serve" show the same pages.
//
// A handler calls a question of internal/ask and renders the answer; what it
// renders is there as JSON and CSV under the same address. Nothing is loaded from
// elsewhere, and the Content-Security-Policy allows no script and no style but the
// files of this package.
package page
