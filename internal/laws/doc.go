// Package laws holds tests only: they try to break the laws of the trail at the
// level of the whole product, with its real programs, on both stores. What was
// acknowledged is kept, once; no content gets in; and whoever changes the
// database, with every right there is, is found out.
package laws
