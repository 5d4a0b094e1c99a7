from amazonlite.common.http.serve import run

if __name__ == "__main__":
    run("amazonlite.inventory.app:create")
