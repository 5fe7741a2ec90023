package node

import (
	_ "embed"
	"io"
	"net/http"
)

// openAPI describes all routes. A test holds it against them.
//
//go:embed openapi.yaml
var openAPI string

func (n *Node) openAPIRoutes() []route {
	return []route{{"GET", "/v1/openapi.yaml", "", "all of this, as OpenAPI has it", n.getOpenAPI}}
}

func (n *Node) getOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	io.WriteString(w, openAPI)
}
