// What is asked of whom. Every public thing with a name has a comment, and so has each of its members. The parts of a type that
// stands inside another, without a name of its own, are described where it stands.
import { Converter, ReflectionKind } from "typedoc";

const members = ReflectionKind.Property | ReflectionKind.CallSignature | ReflectionKind.GetSignature;

export function load(app) {
  // valibot's inferred types hold the declaration of a field twice, with one and the same comment.
  for (const level of ["warn", "info"]) {
    const write = app.logger[level];
    app.logger[level] = (text, ...rest) => {
      if (!/ has multiple declarations with a comment|^The comments for .* are declared at/.test(text))
        write.call(app.logger, text, ...rest);
    };
  }
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    // The schema that a field is checked with is no default of it.
    for (const field of project.getReflectionsByKind(ReflectionKind.Property)) delete field.defaultValue;
    const inner = project.getReflectionsByKind(members).filter(isInner);
    const bare = inner.filter((member) => !member.hasComment() && !isAskedElsewhere(member));
    const names = new Set(bare.map((member) => member.getFriendlyFullName()));
    app.options.setValue("intentionallyNotDocumented", [...names]);
  });
}

/** Whether it is a part of a type without a name. An alias gives its type a name where that is the whole of it. */
function isInner({ parent }) {
  if (parent === undefined) return false;
  const { parent: holder } = parent;
  const isNamed = holder?.kindOf(ReflectionKind.TypeAlias) && holder.type?.declaration === parent;
  return (parent.kindOf(ReflectionKind.TypeLiteral) && !isNamed) || isInner(parent);
}

/** typedoc asks nothing of what stands in a parameter, and asks what has a function type in the place of the function. */
function isAskedElsewhere(member) {
  const { parent } = member;
  if (parent === undefined) return false;
  const isFunctionType = member.kindOf(ReflectionKind.CallSignature) && parent.kindOf(ReflectionKind.TypeLiteral);
  return isFunctionType || parent.kindOf(ReflectionKind.Parameter) || isAskedElsewhere(parent);
}
