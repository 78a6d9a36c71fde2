/**
 * Loads an optional package when it is needed. No bundler sees which one, so none fails where it is not installed and none warns: it is looked
 * for beside the bundle, as if nothing had been bundled.
 */
export async function importPeer<Module>(name: string): Promise<Module> {
  const module: Module = await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  return module;
}
