# The program, as a worker unless another command is given:  docker build -t nightshift .
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY . .
# Compiles too (`prepare`); then the packages that only compiling needed go.
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
ENV NODE_ENV=production
# Models that work on text (TfidfVectorizer, StringNormalizer) need this locale, whatever the process's own is.
RUN apt-get update && apt-get install -y --no-install-recommends locales \
  && localedef -i en_US -f UTF-8 en_US.UTF-8 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE /app/NOTICE /app/THIRD_PARTY_NOTICES.md ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/generated ./generated
COPY --from=build /app/schema ./schema
# What `demo` scores.
COPY --from=build /app/jobs/flight-delay.yaml ./jobs/
COPY --from=build /app/fixtures/models/flight-delay.onnx ./fixtures/models/
COPY --from=build /app/fixtures/flights ./fixtures/flights
RUN ln -s /app/dist/bundle/cli.js /usr/local/bin/nightshift && mkdir /project /assets && chown node:node /project /assets
USER node
WORKDIR /project
ENTRYPOINT ["nightshift"]
CMD ["worker"]
