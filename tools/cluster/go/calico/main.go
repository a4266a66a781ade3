// Command calico is Calico's policy daemon (felix) and its CNI plugin as one program.
//
// The kubelet's runtime starts it under the name of the plugin; any other name is the daemon.
package main

import (
	"os"
	"path/filepath"

	"github.com/projectcalico/calico/cni-plugin/pkg/plugin"
	"github.com/projectcalico/calico/felix/daemon"
)

// version is set by the linker.
var version = "unknown"

func main() {
	if filepath.Base(os.Args[0]) == "calico" {
		plugin.Main(version)
		return
	}
	daemon.Run("/etc/calico/felix.cfg", version, "go-module", "")
}
